// Numbers and lengths of time as people read them. Times of day: clock.js.
import { lang, t } from './i18n.js';

const locale = () => (lang() === 'zh' ? 'zh-CN' : 'en-GB');

/** 12,345; 0.5 with one digit after the point, or so many. */
export const number = (n, digits = 1) => (n === null || n === undefined ? '–' : n.toLocaleString(locale(), { maximumFractionDigits: digits }));

/** 28.1万, 281K: where there is little room. */
export const compact = (n) => n.toLocaleString(locale(), { notation: 'compact', maximumFractionDigits: n < 1e5 ? 1 : 0 });

/** How often a second: 12.5, and 0.04 where that is all. */
export const often = (n) => number(n, n < 1 ? 2 : 1);

/** Several names in one line. */
export const listed = (names) => names.join(lang() === 'zh' ? '、' : ', ');

/** 98.2 % */
export const share = (part, whole) => (whole ? `${number(Math.round((part / whole) * 1000) / 10)} %` : '–');

/** 98.2 %, of a share from 0 to 1; null: there is none. */
export const percent = (rate) => (rate === null || rate === undefined ? '–' : `${number(Math.round(rate * 1000) / 10)} %`);

/** 850 ms, 1.2 s, 3.5 min. */
export function took(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return t('time.ms', { n: Math.round(ms) });
  return ms < 120000 ? t('time.s', { n: Math.round(ms / 100) / 10 }) : t('time.min', { n: Math.round(ms / 6000) / 10 });
}

/** 5 min ago, counted from the server's time where that is given. */
export function ago(at, now = Date.now()) {
  if (!at) return t('time.never');
  const s = Math.max(0, Math.round((new Date(now) - new Date(at)) / 1000));
  if (s < 60) return t('time.s_ago', { n: s });
  if (s < 3600) return t('time.m_ago', { n: Math.floor(s / 60) });
  if (s < 86400) return t('time.h_ago', { n: Math.floor(s / 3600) });
  return t('time.d_ago', { n: Math.floor(s / 86400) });
}

/** A length of time in short: 95 s, 12 min, 1.9 h. */
export function span(s) {
  if (s < 120) return t('time.s', { n: s });
  return s < 7200 ? t('time.min', { n: Math.round(s / 60) }) : t('time.h', { n: Math.round(s / 360) / 10 });
}

const UNITS = { d: 'time.d', h: 'time.h', m: 'time.min', s: 'time.s', ms: 'time.ms' };

/** A duration as settings and scenarios write it, 30d, in words. */
export function lasting(value) {
  const [, n, unit] = /^(\d+)(d|h|m|s|ms)$/.exec(value) || [];
  return unit ? t(UNITS[unit], { n }) : value;
}
