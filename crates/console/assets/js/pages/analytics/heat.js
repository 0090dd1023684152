// The hours of the week: when messages go and when they arrive, over some weeks, in Shanghai's time.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { compact, number } from '../../format.js';
import { useData } from '../../live.js';
import { Link, useQuery } from '../../router.js';
import { Card, Empty, Loading, Trouble } from '../../ui/basic.js';
import { Sheet } from '../../ui/csv.js';
import { Picks } from '../../ui/picks.js';

words({
  zh: {
    'heat.title': '一周各时段（北京时间）', 'heat.weeks': '时间', 'heat.last': '最近 {n} 周', 'heat.metric': '指标', 'heat.all': '全部', 'heat.accepted': '受理', 'heat.sent': '微信已受理', 'heat.delivered': '送达', 'heat.failed': '失败', 'heat.none': '这段时间没有数据', 'heat.none_hint': '换一个指标或更长的时间。', 'heat.test': '发送测试消息', 'heat.busiest': '最多：{day} {hour}，{n} 条；合计 {all} 条。', 'heat.few': '少', 'heat.many': '多', 'heat.cell': '{day} {hour}：{n} 条',
    'heat.day_0': '周一', 'heat.day_1': '周二', 'heat.day_2': '周三', 'heat.day_3': '周四', 'heat.day_4': '周五', 'heat.day_5': '周六', 'heat.day_6': '周日', 'heat.day': '星期',
  },
  en: {
    'heat.title': 'Hours of the week (Shanghai)', 'heat.weeks': 'Time', 'heat.last': 'last {n} weeks', 'heat.metric': 'Number', 'heat.all': 'all', 'heat.accepted': 'accepted', 'heat.sent': 'sent', 'heat.delivered': 'delivered', 'heat.failed': 'failed', 'heat.none': 'There is nothing in this time', 'heat.none_hint': 'Choose another number or a longer time.', 'heat.test': 'Send a test message', 'heat.busiest': 'Most: {day} {hour}, {n}; {all} in all.', 'heat.few': 'few', 'heat.many': 'many', 'heat.cell': '{day} {hour}: {n}',
    'heat.day_0': 'Mon', 'heat.day_1': 'Tue', 'heat.day_2': 'Wed', 'heat.day_3': 'Thu', 'heat.day_4': 'Fri', 'heat.day_5': 'Sat', 'heat.day_6': 'Sun', 'heat.day': 'Day',
  },
});

const WEEKS = ['4', '1', '8'];
const METRICS = ['delivered', 'sent', 'accepted', 'failed'];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const DAYS = [0, 1, 2, 3, 4, 5, 6];
const HOUR_MS = 3600000;
const SHANGHAI_MS = 8 * HOUR_MS;
const SHADES = 5;
const hourOf = (hour) => `${String(hour).padStart(2, '0')}:00`;

/** Counts by day of the week (Monday first) and hour, of points an hour wide. */
export function weekOf(at, counts) {
  const week = DAYS.map(() => HOURS.map(() => 0));
  at.forEach((time, nth) => {
    const hours = Math.floor((Date.parse(time) + SHANGHAI_MS) / HOUR_MS);
    // 1970-01-01 was a Thursday.
    week[(Math.floor(hours / 24) + 3) % 7][hours % 24] += counts[nth];
  });
  return week;
}

const shade = (count, most) => (count ? Math.max(1, Math.ceil((count / most) * SHADES)) : 0);

function Week({ week, most }) {
  const cell = (day, hour) => t('heat.cell', { day: t(`heat.day_${day}`), hour: hourOf(hour), n: number(week[day][hour]) });
  return html`<div class="heat-box"><table class="heat" aria-label=${t('heat.title')}><thead><tr><th scope="col"><span class="unseen">${t('heat.day')}</span></th>${HOURS.map((hour) => html`<th key=${hour} scope="col">${hour}</th>`)}</tr></thead>
    <tbody>${DAYS.map((day) => html`<tr key=${day}><th scope="row">${t(`heat.day_${day}`)}</th>${HOURS.map((hour) => html`<td key=${hour} title=${cell(day, hour)}><span class=${`heat-${shade(week[day][hour], most)}`}>${week[day][hour] ? compact(week[day][hour]) : ''}</span></td>`)}</tr>`)}</tbody></table></div>`;
}

function Shown({ week, name }) {
  const cells = DAYS.flatMap((day) => HOURS.map((hour) => ({ day, hour, n: week[day][hour] })));
  const all = cells.reduce((sum, { n }) => sum + n, 0);
  const top = cells.reduce((a, b) => (b.n > a.n ? b : a));
  if (!all) return html`<${Empty} title=${t('heat.none')}><p>${t('heat.none_hint')}</p><${Link} class="button" href="/start">${t('heat.test')}<//><//>`;
  const rows = () => [['day', ...HOURS.map(hourOf)], ...DAYS.map((day) => [t(`heat.day_${day}`), ...week[day]])];
  return html`<${Card} title=${t('heat.title')} aside=${html`<${Sheet} name=${name} rows=${rows} />`}><p>${t('heat.busiest', { day: t(`heat.day_${top.day}`), hour: hourOf(top.hour), n: number(top.n), all: number(all) })}</p>
    <${Week} week=${week} most=${top.n} /><p class="heat-scale">${t('heat.few')} ${[0, 1, 2, 3, 4, 5].map((n) => html`<span key=${n} class=${`heat-${n}`} />`)} ${t('heat.many')}</p><//>`;
}

export default function Heat({ accounts }) {
  const [query] = useQuery();
  const appid = query.appid || '';
  const weeks = WEEKS.includes(query.weeks) ? query.weeks : WEEKS[0];
  const metric = METRICS.includes(query.metric) ? query.metric : METRICS[0];
  const since = () => new Date(Date.now() - Number(weeks) * 7 * 24 * HOUR_MS).toISOString();
  const { data, problem, again } = useData((signal) => api.get('/api/v1/stats/series', { appid, step: 'hour', since: since() }, signal), [appid, weeks]);
  const fields = [
    ...(accounts.length > 1 ? [{ name: 'appid', label: t('word.account'), options: [['', t('heat.all')], ...accounts.map((one) => [one.appid, one.name])] }] : []),
    { name: 'metric', label: t('heat.metric'), options: METRICS.map((word) => [word, t(`heat.${word}`)]) }, { name: 'weeks', label: t('heat.weeks'), options: WEEKS.map((n) => [n, t('heat.last', { n })]) },
  ];
  const counts = data && (data.lines.find((line) => line.measure === metric)?.counts || data.at.map(() => 0));
  return html`<div class="stack" data-part="heat"><${Picks} fields=${fields} /><${Trouble} problem=${problem} again=${again} />${data ? html`<${Shown} week=${weekOf(data.at, counts)} name=${`hongyan-week-${metric}`} />` : !problem && html`<${Loading} />`}</div>`;
}
