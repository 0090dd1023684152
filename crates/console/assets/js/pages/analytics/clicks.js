// Which messages are tapped: by template, scenario, industry or variant, each with where its rate truly lies, beside published averages.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { today } from '../../clock.js';
import { number, percent } from '../../format.js';
import { useData } from '../../live.js';
import { useTemplates } from '../../known.js';
import { useMe } from '../../me.js';
import { Link, useQuery } from '../../router.js';
import { Badge, Card, Empty, Loading, Trouble } from '../../ui/basic.js';
import { Bar } from '../../ui/bar.js';
import { Sheet } from '../../ui/csv.js';
import { Picks } from '../../ui/picks.js';
import { Table } from '../../ui/table.js';

words({
  zh: {
    'clicks.by': '按', 'clicks.by_template': '模板', 'clicks.by_scenario': '场景', 'clicks.by_industry': '行业', 'clicks.by_variant': 'A/B 版本', 'clicks.days': '受理日期', 'clicks.last': '最近 {n} 天', 'clicks.title': '点击排行', 'clicks.note': '只统计带计数链接、微信已受理的消息；按点击率的可信下限排序，样本少的不会排在前面。', 'clicks.rank': '名次', 'clicks.rate': '点击率', 'clicks.interval': '95% 区间', 'clicks.sent': '发送', 'clicks.clicked': '点击人数', 'clicks.clicks': '点击次数', 'clicks.reference': '行业参考',
    'clicks.above': '高于参考', 'clicks.below': '低于参考', 'clicks.like': '差异不显著', 'clicks.references': '行业参考点击率（公开数据的平均值，不是本系统的测量）', 'clicks.industry_retail': '零售', 'clicks.industry_education': '教育', 'clicks.industry_services': '服务', 'clicks.none': '还没有可统计的点击', 'clicks.no_url': '先设置 http.public_url：链接要经过本服务才能计数。', 'clicks.how': '消息里加 "track": true 并填写 url，或在场景里打开链接计数。', 'clicks.compare': 'A/B 比较', 'clicks.nothing': '（未归类）', 'clicks.bar': '深色：点击率；浅色：95% 区间；竖线：行业参考',
  },
  en: {
    'clicks.by': 'By', 'clicks.by_template': 'template', 'clicks.by_scenario': 'scenario', 'clicks.by_industry': 'industry', 'clicks.by_variant': 'A/B variant', 'clicks.days': 'Accepted', 'clicks.last': 'last {n} days', 'clicks.title': 'Clicks', 'clicks.note': 'Of messages with a counted link that WeChat took; in order of the lower end of the rate, so that few messages do not come first by chance.', 'clicks.rank': 'Place', 'clicks.rate': 'Rate', 'clicks.interval': 'At 95 %', 'clicks.sent': 'Sent', 'clicks.clicked': 'Clicked', 'clicks.clicks': 'Clicks', 'clicks.reference': 'Industry',
    'clicks.above': 'above it', 'clicks.below': 'below it', 'clicks.like': 'no clear difference', 'clicks.references': 'Rates of industries (published averages, not our own measure)', 'clicks.industry_retail': 'retail', 'clicks.industry_education': 'education', 'clicks.industry_services': 'services', 'clicks.none': 'No clicks are counted yet', 'clicks.no_url': 'Set http.public_url first: links have to come by this server to be counted.', 'clicks.how': 'Give a message "track": true and a url, or switch the counting on in its scenario.', 'clicks.compare': 'Variants compared', 'clicks.nothing': '(none)', 'clicks.bar': 'Dark: the rate; light: at 95 %; line: the industry',
  },
});

const BY = ['template', 'scenario', 'industry', 'variant'];
const DAYS = ['7', '30', '90'];
const DAY_MS = 86400000;

/** So many days before today in Shanghai. */
const daysAgo = (n) => new Date(Date.parse(`${today()}T00:00:00Z`) - n * DAY_MS).toISOString().slice(0, 10);

/** The industry's average is outside of where the rate truly lies, or it says nothing. */
function against({ interval, reference, sent }) {
  if (reference === undefined || !sent) return null;
  if (interval.low > reference) return ['good', 'above'];
  return interval.high < reference ? ['warn', 'below'] : ['calm', 'like'];
}

function columns(by, nameOf, base, most) {
  const filter = { template: 'template_id', scenario: 'scenario' }[by];
  const name = (row) => (filter && row.name ? html`<${Link} href=${url('/messages', { ...base, [filter]: row.name })}>${nameOf(row.name)}<//>` : nameOf(row.name));
  return [
    { key: 'rank', label: t('clicks.rank'), num: true }, { key: 'name', label: t(`clicks.by_${by}`), cell: name },
    { key: 'rate', label: t('clicks.rate'), num: true, cell: (row) => html`<strong>${percent(row.rate)}</strong>` },
    { key: 'bar', label: t('clicks.interval'), cell: (row) => row.sent > 0 && html`<div class="reach"><${Bar} value=${row.rate || 0} most=${most} low=${row.interval.low} high=${row.interval.high} mark=${row.reference} label=${t('clicks.bar')} /><span class="hint">${percent(row.interval.low)} – ${percent(row.interval.high)}</span></div>` },
    { key: 'reference', label: t('clicks.reference'), cell: (row) => {
      const found = against(row);
      return row.reference === undefined ? html`<span class="faint">–</span>` : html`<span>${percent(row.reference)} ${found && html`<${Badge} tone=${found[0]}>${t(`clicks.${found[1]}`)}<//>`}</span>`;
    } },
    { key: 'sent', label: t('clicks.sent'), num: true, cell: (row) => number(row.sent) }, { key: 'clicked', label: t('clicks.clicked'), num: true, cell: (row) => number(row.clicked) }, { key: 'clicks', label: t('clicks.clicks'), num: true, cell: (row) => number(row.clicks) },
  ];
}

const asSheet = (rows, by, nameOf) => [[by, 'name', 'sent', 'clicked', 'clicks', 'rate', 'low_95', 'high_95', 'reference'], ...rows.map((row) => [row.name, nameOf(row.name), row.sent, row.clicked, row.clicks, row.rate ?? '', row.interval.low, row.interval.high, row.reference ?? ''])];

function Nothing() {
  const me = useMe();
  return html`<${Empty} title=${t('clicks.none')}><p>${t(me.public_url ? 'clicks.how' : 'clicks.no_url')}</p><//>`;
}

/** Names of templates and scenarios as people say them. */
function useNames(by, appid) {
  const templates = useTemplates(appid);
  return (name) => {
    if (!name) return t('clicks.nothing');
    if (by === 'template') return templates[name]?.title || name;
    return by === 'industry' ? t(`clicks.industry_${name}`) : name;
  };
}

export default function Clicks({ accounts }) {
  const [query] = useQuery();
  const account = accounts.find(({ appid }) => appid === query.appid) || accounts[0];
  const { appid } = account;
  const by = BY.includes(query.by) ? query.by : 'template';
  const days = DAYS.includes(query.days) ? query.days : '30';
  const since = daysAgo(Number(days) - 1);
  const { data, problem, again } = useData((signal) => api.get('/api/v1/stats/clicks', { appid, by, since }, signal), [appid, by, since]);
  const nameOf = useNames(by, appid);
  const fields = [
    ...(accounts.length > 1 ? [{ name: 'appid', label: t('word.account'), options: accounts.map((one) => [one.appid, one.name]) }] : []),
    { name: 'by', label: t('clicks.by'), options: BY.map((word) => [word, t(`clicks.by_${word}`)]) }, { name: 'days', label: t('clicks.days'), options: ['30', '7', '90'].map((n) => [n, t('clicks.last', { n })]) },
  ];
  const rows = [...(data?.rows || [])].sort((a, b) => b.interval.low - a.interval.low || b.sent - a.sent).map((row, nth) => ({ ...row, rank: nth + 1 }));
  const most = Math.min(Math.max(...rows.filter(({ sent }) => sent > 0).flatMap(({ interval, reference }) => [interval.high, reference || 0]), 0.01) * 1.1, 1);
  const base = { appid, since: `${since}T00:00:00+08:00` };
  const aside = rows.length > 0 && html`<${Sheet} name=${`hongyan-clicks-${by}-${days}d`} rows=${() => asSheet(rows, by, nameOf)} />`;
  return html`<div class="stack" data-part="clicks"><${Picks} fields=${fields} /><${Trouble} problem=${problem} again=${again} />
    ${!data ? !problem && html`<${Loading} />` : html`<${Card} title=${t('clicks.title')} aside=${aside}>${rows.length ? html`<p class="hint">${t('clicks.note')} ${t('clicks.bar')}</p><${Table} columns=${columns(by, nameOf, base, most)} rows=${rows} id=${(row) => row.name} label=${t('clicks.title')} />` : html`<${Nothing} />`}<//>
    ${data.comparisons?.length > 0 && html`<${Card} title=${t('clicks.compare')}><ul class="stack underlined">${data.comparisons.map((one) => html`<li key=${`${one.scenario}.${one.b}`}><${Link} href=${`/scenarios/${one.scenario}`}>${one.scenario}<//> ${said(one.text)}</li>`)}</ul><//>`}
    <${Card} title=${t('clicks.references')}><dl class="facts">${data.references.map(({ industry, rate }) => html`<div key=${industry}><dt>${t(`clicks.industry_${industry}`)}</dt><dd>${percent(rate)}</dd></div>`)}</dl><//>`}</div>`;
}
