// Success, latency and rate over the range that the address names.
import { html } from '../../lib.js';
import { t, words } from '../../i18n.js';
import { number, often, percent, took } from '../../format.js';
import { useQuery } from '../../router.js';
import { Loading, Trouble } from '../../ui/basic.js';
import { ChartCard, shareRange } from '../../ui/chart.js';
import { Ranges, countsOf, perSecond, rangeOf, successOf, times, totalOf, useSeries } from '../../ui/series.js';

words({
  zh: {
    'charts.title': '走势', 'charts.success': '送达率', 'charts.latency': '用时（受理到微信受理）', 'charts.rate': '每秒消息数', 'charts.of_range': '此时段合计', 'charts.p95': 'p95，此时段', 'charts.newest': '最新一格', 'charts.accepted': '受理', 'charts.sent': '发送',
  },
  en: {
    'charts.title': 'Over time', 'charts.success': 'Delivered', 'charts.latency': 'Time from acceptance to WeChat', 'charts.rate': 'Messages a second', 'charts.of_range': 'of this range', 'charts.p95': 'p95 of this range', 'charts.newest': 'newest point', 'charts.accepted': 'accepted', 'charts.sent': 'sent',
  },
});

const hundred = (rate) => (rate === null ? null : rate * 100);

function Success({ series }) {
  const of = ['delivered', 'failed', 'unknown'];
  const counts = of.map((measure) => countsOf(series, measure));
  const points = series.at.map((_, at) => hundred(successOf(...counts.map((count) => count[at]))));
  const overall = successOf(...of.map((measure) => totalOf(series, measure)));
  return html`<${ChartCard} name="success" title=${t('charts.success')} value=${percent(overall)} note=${t('charts.of_range')} data=${[times(series), points]} series=${[{ label: t('charts.success') }]} shown=${(n) => `${number(n)} %`} range=${shareRange} />`;
}

function Latency({ series }) {
  const spread = series.latency.accept_to_sent_ms;
  const names = ['p50', 'p95', 'p99'];
  return html`<${ChartCard} name="latency" title=${t('charts.latency')} value=${took(spread.overall.p95)} note=${t('charts.p95')} data=${[times(series), ...names.map((name) => spread[name])]} series=${names.map((name) => ({ label: name, value: spread.overall[name] }))} shown=${took} />`;
}

function Rate({ series }) {
  const [accepted, sent] = ['accepted', 'sent'].map((measure) => perSecond(series, countsOf(series, measure)));
  const lines = [{ label: t('charts.sent'), value: sent.at(-1) }, { label: t('charts.accepted'), value: accepted.at(-1) }];
  return html`<${ChartCard} name="rate" title=${t('charts.rate')} value=${often(sent.at(-1))} note=${t('charts.newest')} data=${[times(series), sent, accepted]} series=${lines} shown=${often} />`;
}

export default function Charts({ appid, accounts }) {
  const [query] = useQuery();
  // One account, or all together, is one row a point; whoever may see only some has one of each.
  const { data: series, problem, again } = useSeries({ appid }, rangeOf(query), { accounts: appid ? 1 : accounts });
  return html`<section class="stack" data-part="charts"><div class="apart"><h2>${t('charts.title')}</h2><${Ranges} /></div><${Trouble} problem=${problem} again=${again} />
    ${series ? html`<div class="columns three" key=${series.step}><${Success} series=${series} /><${Latency} series=${series} /><${Rate} series=${series} /></div>` : !problem && html`<${Loading} />`}</section>`;
}
