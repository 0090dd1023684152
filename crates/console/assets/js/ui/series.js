// Counters over time of GET /api/v1/stats/series: ranges, steps, and what charts make of them.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { t, words } from '../i18n.js';
import { useData } from '../live.js';
import { Link, usePlace } from '../router.js';

words({
  zh: { 'range.label': '时间范围', 'range.1h': '1 小时', 'range.24h': '24 小时', 'range.7d': '7 天', 'range.30d': '30 天' },
  en: { 'range.label': 'Range', 'range.1h': '1 h', 'range.24h': '24 h', 'range.7d': '7 d', 'range.30d': '30 d' },
});

const HOUR_S = 3600;
const RANGES = { '1h': HOUR_S, '24h': 24 * HOUR_S, '7d': 7 * 24 * HOUR_S, '30d': 30 * 24 * HOUR_S };
const EVERY_MS = { '1h': 10000, '24h': 60000, '7d': 300000, '30d': 300000 };
const STEPS = { minute: 60, hour: HOUR_S, day: 24 * HOUR_S };
/** What the API answers at once: a day by the minute, and so many points of all accounts that it has to read one by one. */
const POINTS_MAX = 1500;
const SPANS_MAX = 60000;
/** A point that has only just begun says nothing of its rate yet. */
const BEGUN_S = 5;

/** The range that the address names. */
export const rangeOf = (query, first = '1h') => (RANGES[query.range] ? query.range : first);

/** When a range began. */
export const began = (range) => new Date(Date.now() - RANGES[range] * 1000).toISOString();

/** The finest step with at most so many points that is answered for so many accounts. */
const stepOf = (range, accounts, most) => Object.keys(STEPS).find((step) => {
  const points = RANGES[range] / STEPS[step] + 1;
  return points <= most && points * Math.max(accounts, 1) <= SPANS_MAX;
}) || 'day';

/** The series of a range, asked for again and again. `accounts`: how many they may be of; `most`: points. */
export function useSeries(query, range, { accounts = 1, most = POINTS_MAX } = {}) {
  const step = stepOf(range, accounts, most);
  // The last hour by the server's own clock; a browser's may be minutes off.
  const since = () => (range === '1h' ? '' : began(range));
  return useData((signal) => api.get('/api/v1/stats/series', { ...query, step, since: since() }, signal), [JSON.stringify(query), range, step], EVERY_MS[range]);
}

/** The choice of a range; it stands in the address. */
export function Ranges({ first = '1h' }) {
  const { path, query } = usePlace();
  const here = rangeOf(query, first);
  return html`<nav class="ranges" aria-label=${t('range.label')}>${Object.keys(RANGES).map((range) => html`<${Link} key=${range} href=${url(path, { ...query, range: range === first ? '' : range })} aria-current=${range === here ? 'true' : undefined}>${t(`range.${range}`)}<//>`)}</nav>`;
}

/** Times in seconds, as charts want them. */
export const times = (series) => series.at.map((at) => Date.parse(at) / 1000);

/** What happened a second, point by point; the newest point is not over yet. */
export function perSecond(series, counts) {
  const length = STEPS[series.step];
  const passed = Date.now() / 1000 - Date.parse(series.at.at(-1)) / 1000;
  const of = (at) => (at === counts.length - 1 ? Math.min(Math.max(passed, BEGUN_S), length) : length);
  return counts.map((count, at) => count / of(at));
}

/** The counts of one measure; zeros where it never happened. */
export const countsOf = (series, measure) => series.lines.find((line) => line.measure === measure)?.counts || series.at.map(() => 0);

/** All counts of one measure together. */
export const totalOf = (series, measure) => series.lines.filter((line) => line.measure === measure).reduce((sum, line) => sum + line.total, 0);

/** Delivered of what became final, as the API counts it; null: nothing did. */
export const successOf = (delivered, failed, unknown) => (delivered + failed + unknown ? delivered / (delivered + failed + unknown) : null);
