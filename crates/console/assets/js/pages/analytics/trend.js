// Counters over time, one line for each outcome, account, template, scenario or error code; and how long things took.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { instant } from '../../clock.js';
import { number, percent, took } from '../../format.js';
import { useData } from '../../live.js';
import { useTemplates } from '../../known.js';
import { Link, useQuery } from '../../router.js';
import { Card, Empty, Loading, Trouble } from '../../ui/basic.js';
import { Chart } from '../../ui/chart.js';
import { Sheet } from '../../ui/csv.js';
import { Picks } from '../../ui/picks.js';
import { Ranges, began, rangeOf, successOf, times, useSeries } from '../../ui/series.js';
import { Table } from '../../ui/table.js';

words({
  zh: {
    'trend.by': '按', 'trend.by_outcome': '结果', 'trend.by_account': '公众号', 'trend.by_template': '模板', 'trend.by_scenario': '场景', 'trend.by_errcode': '错误码', 'trend.metric': '指标', 'trend.accepted': '受理', 'trend.sent': '微信已受理', 'trend.delivered': '送达', 'trend.failed': '失败', 'trend.unknown': '结果不明', 'trend.suppressed': '策略未发', 'trend.refused': '受理时拒绝', 'trend.cancelled': '撤回', 'trend.tried': '次数',
    'trend.success': '送达率', 'trend.all': '全部', 'trend.range': '时间', 'trend.line_minute': '每分钟的数量', 'trend.line_hour': '每小时的数量', 'trend.line_day': '每天的数量', 'trend.first': '前 8 项', 'trend.table': '合计', 'trend.none': '这段时间没有数据', 'trend.none_hint': '换一个时间范围或条件，或发送一条测试消息。', 'trend.test': '发送测试消息', 'trend.cut': '只显示数量最大的 100 条线：请选择一个公众号。', 'trend.nothing': '（无场景）',
    'trend.took': '用时', 'trend.accept_to_sent_ms': '受理 → 微信受理', 'trend.sent_to_receipt_ms': '微信受理 → 回执送达', 'trend.answer_ms': '微信应答一次', 'trend.step': '环节', 'trend.errcode': '错误码', 'trend.meaning': '含义', 'trend.rows_note': '按发生时间计；点击数字查看同期受理的消息。',
  },
  en: {
    'trend.by': 'By', 'trend.by_outcome': 'outcome', 'trend.by_account': 'account', 'trend.by_template': 'template', 'trend.by_scenario': 'scenario', 'trend.by_errcode': 'error code', 'trend.metric': 'Number', 'trend.accepted': 'accepted', 'trend.sent': 'sent', 'trend.delivered': 'delivered', 'trend.failed': 'failed', 'trend.unknown': 'unknown', 'trend.suppressed': 'suppressed', 'trend.refused': 'refused at once', 'trend.cancelled': 'cancelled', 'trend.tried': 'times',
    'trend.success': 'delivered of final', 'trend.all': 'all', 'trend.range': 'Time', 'trend.line_minute': 'Counts a minute', 'trend.line_hour': 'Counts an hour', 'trend.line_day': 'Counts a day', 'trend.first': 'the first 8', 'trend.table': 'In all', 'trend.none': 'There is nothing in this time', 'trend.none_hint': 'Choose another time or ask for less, or send a test message.', 'trend.test': 'Send a test message', 'trend.cut': 'The 100 largest lines: choose one account for the rest.', 'trend.nothing': '(no scenario)',
    'trend.took': 'How long it took', 'trend.accept_to_sent_ms': 'acceptance → WeChat', 'trend.sent_to_receipt_ms': 'WeChat → receipt', 'trend.answer_ms': 'one answer of WeChat', 'trend.step': 'Step', 'trend.errcode': 'Error code', 'trend.meaning': 'Meaning', 'trend.rows_note': 'Counted when it happened; a number leads to the messages accepted in this time.',
  },
});

const BY = ['outcome', 'account', 'template', 'scenario', 'errcode'];
const MEASURES = ['accepted', 'sent', 'delivered', 'failed', 'unknown', 'suppressed', 'refused', 'cancelled'];
/** What a query of messages says for a measure; what was refused at once is no message. */
const FINDS = { accepted: {}, sent: { errcode: '0' }, delivered: { state: 'delivered' }, failed: { state: 'failed' }, unknown: { state: 'unknown' }, suppressed: { state: 'suppressed' }, cancelled: { state: 'cancelled' } };
const FILTERS = { account: 'appid', template: 'template_id', scenario: 'scenario', errcode: 'errcode' };
const LINES = 8;
/** Up to a hundred lines come at once: an hour is fine enough from a day on. */
const POINTS = 800;

/** The name of a line as people say it. */
function useNames(by, appid, accounts) {
  const templates = useTemplates(by === 'template' ? appid || (accounts.length === 1 ? accounts[0].appid : '') : '');
  const scenarios = useData(async (signal) => (by === 'scenario' && (appid || accounts.length === 1) ? api.get('/api/v1/scenarios', { appid: appid || accounts[0].appid }, signal) : { scenarios: [] }), [by, appid]).data?.scenarios || [];
  return (name) => {
    if (by === 'outcome') return t(`trend.${name}`);
    if (by === 'account') return accounts.find((account) => account.appid === name)?.name || name;
    if (by === 'template') return templates[name]?.title || name;
    if (by === 'scenario') return scenarios.find((one) => one.name === name)?.title || name || t('trend.nothing');
    return name;
  };
}

function Lines({ series, lines, nameOf }) {
  const shown = lines.slice(0, LINES);
  const labels = shown.map((line) => ({ label: nameOf(line.name), value: line.total }));
  return html`<${Chart} key=${`${series.step}.${labels.map((one) => one.label)}`} height=${260} data=${[times(series), ...shown.map((line) => line.counts)]} series=${labels} label=${t(`trend.line_${series.step}`)} />`;
}

/** One row for each name, one column for each measure. */
function pivot(lines) {
  const rows = new Map();
  for (const { name, measure, total, meaning } of lines) rows.set(name, { ...rows.get(name), name, meaning, [measure]: total });
  const size = (row) => MEASURES.reduce((sum, measure) => sum + (row[measure] || 0), 0);
  return [...rows.values()].sort((a, b) => size(b) - size(a));
}

const successIn = (row) => successOf(row.delivered || 0, row.failed || 0, row.unknown || 0);

function Totals({ by, lines, nameOf, base }) {
  const find = (row, measure) => url('/messages', { ...base, [FILTERS[by]]: row.name, ...FINDS[measure] });
  const linked = (row, measure) => (FINDS[measure] && (by !== 'scenario' || row.name) ? html`<${Link} href=${find(row, measure)}>${number(row[measure] || 0)}<//>` : number(row[measure] || 0));
  if (by === 'outcome') {
    const figure = ({ name, total }) => html`<span class="figure-value">${number(total)}</span><span class="figure-label">${nameOf(name)}</span>`;
    return html`<div class="figures">${lines.map((line) => (FINDS[line.name] ? html`<${Link} key=${line.name} class="figure" href=${url('/messages', { ...base, ...FINDS[line.name] })}>${figure(line)}<//>` : html`<div key=${line.name} class="figure">${figure(line)}</div>`))}
      <div class="figure"><span class="figure-value">${percent(successIn(Object.fromEntries(lines.map(({ name, total }) => [name, total]))))}</span><span class="figure-label">${t('trend.success')}</span></div></div>`;
  }
  if (by === 'errcode') {
    const columns = [
      { key: 'name', label: t('trend.errcode'), cell: ({ name }) => html`<code>${name}</code>` }, { key: 'meaning', label: t('trend.meaning'), cell: ({ meaning }) => said(meaning) || '–' },
      { key: 'total', label: t('trend.tried'), num: true, cell: ({ name, total }) => html`<${Link} href=${url('/messages', { ...base, errcode: name })}>${number(total)}<//>` },
    ];
    return html`<${Table} columns=${columns} rows=${lines} id=${(row) => row.name} label=${t('trend.table')} />`;
  }
  const columns = [
    { key: 'name', label: t(`trend.by_${by}`), cell: ({ name }) => (nameOf(name) === name || !name ? nameOf(name) : html`<span>${nameOf(name)} <code class="faint">${name}</code></span>`) },
    ...MEASURES.slice(0, 7).map((measure) => ({ key: measure, label: t(`trend.${measure}`), num: true, cell: (row) => linked(row, measure) })),
    { key: 'success', label: t('trend.success'), num: true, cell: (row) => percent(successIn(row)) },
  ];
  return html`<${Table} columns=${columns} rows=${pivot(lines)} id=${(row) => row.name} label=${t('trend.table')} />`;
}

function Took({ series }) {
  const quantiles = ['p50', 'p95', 'p99'];
  const rows = Object.entries(series.latency).map(([step, { overall }]) => ({ step, ...overall }));
  const columns = [{ key: 'step', label: t('trend.step'), cell: ({ step }) => t(`trend.${step}`) }, ...quantiles.map((name) => ({ key: name, label: name, num: true, cell: (row) => took(row[name]) }))];
  const spread = series.latency.accept_to_sent_ms;
  return html`<${Card} title=${t('trend.took')} data-part="took"><div class="columns uneven"><${Chart} key=${series.step} data=${[times(series), ...quantiles.map((name) => spread[name])]} series=${quantiles.map((name) => ({ label: `${name} ${t('trend.accept_to_sent_ms')}`, value: spread.overall[name] }))} shown=${took} label=${t('trend.took')} />
    <${Table} columns=${columns} rows=${rows} id=${(row) => row.step} label=${t('trend.took')} /></div><//>`;
}

/** One line of the sheet for each point, one column for each line of the chart. */
const asSheet = (series, nameOf) => [
  ['at', ...series.lines.map(({ name, measure }) => (name === measure ? measure : `${nameOf(name)} ${measure}`))],
  ...series.at.map((at, nth) => [instant(at), ...series.lines.map((line) => line.counts[nth])]),
];

export default function Trend({ accounts }) {
  const [query] = useQuery();
  const by = BY.includes(query.by) ? query.by : 'outcome';
  const metric = MEASURES.includes(query.metric) ? query.metric : 'sent';
  const range = rangeOf(query, '24h');
  const { appid = '', lane = '', template_id: template = '', scenario = '' } = query;
  const each = by === 'account' || by === 'template' || template;
  const { data: series, problem, again } = useSeries({ appid, lane, template_id: template, scenario, by }, range, { accounts: each && !appid ? accounts.length : 1, most: POINTS });
  const nameOf = useNames(by, appid, accounts);
  const fields = [
    ...(accounts.length > 1 ? [{ name: 'appid', label: t('word.account'), options: [['', t('trend.all')], ...accounts.map((account) => [account.appid, account.name])] }] : []),
    { name: 'by', label: t('trend.by'), options: BY.map((word) => [word, t(`trend.by_${word}`)]) },
    ...(by === 'outcome' || by === 'errcode' ? [] : [{ name: 'metric', label: t('trend.metric'), options: ['sent', ...MEASURES.filter((one) => one !== 'sent')].map((word) => [word, t(`trend.${word}`)]) }]),
    { name: 'lane', label: t('word.lane'), options: [['', t('trend.all')], ...['urgent', 'normal', 'bulk'].map((word) => [word, t(`lane.${word}`)])] },
  ];
  const base = { appid, lane, template_id: template, scenario, since: began(range) };
  return html`<div class="stack" data-part="trend"><${Picks} fields=${fields}><div class="filter"><span>${t('trend.range')}</span><${Ranges} first="24h" /></div><//>
    <${Trouble} problem=${problem} again=${again} />${!series ? !problem && html`<${Loading} />` : series.by !== by ? html`<${Loading} />` : html`<${Shown} series=${series} by=${by} metric=${metric} nameOf=${nameOf} base=${base} name=${`hongyan-${by}-${range}`} />`}</div>`;
}

function Shown({ series, by, metric, nameOf, base, name }) {
  const order = (line) => (by === 'outcome' ? MEASURES.indexOf(line.measure) : 0);
  const lines = series.lines.filter((line) => line.total > 0).sort((a, b) => order(a) - order(b));
  const drawn = by === 'outcome' || by === 'errcode' ? lines : lines.filter((line) => line.measure === metric);
  if (!lines.length) return html`<${Empty} title=${t('trend.none')}><p>${t('trend.none_hint')}</p><${Link} class="button" href="/start">${t('trend.test')}<//><//>`;
  return html`<${Card} title=${`${t(`trend.line_${series.step}`)}${drawn.length > LINES ? ` (${t('trend.first')})` : ''}`} aside=${html`<${Sheet} name=${name} rows=${() => asSheet(series, nameOf)} />`} data-chart="lines">${drawn.length ? html`<${Lines} series=${series} lines=${drawn} nameOf=${nameOf} />` : html`<p class="faint">${t('trend.none')}</p>`}<//>
    <${Card} title=${t('trend.table')} data-part="totals"><p class="hint">${t('trend.rows_note')}</p><${Totals} by=${by} lines=${lines} nameOf=${nameOf} base=${base} />${series.truncated && html`<p class="warn-text">${t('trend.cut')}</p>`}<//>
    <${Took} series=${series} />`;
}
