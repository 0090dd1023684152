// Numbers and times as people read them, in the browser's zone, which is always written out.
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
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 6000) / 10} min`;
}

/** The zone, like UTC+8. */
export function zone(date = new Date()) {
  const minutes = -date.getTimezoneOffset();
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? '-' : '+'}${hours}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`;
}

const two = (n) => String(n).padStart(2, '0');

/** 11-23 12:00:05; with the year where it is another. */
export function instant(at) {
  const date = new Date(at);
  const year = date.getFullYear() === new Date().getFullYear() ? '' : `${date.getFullYear()}-`;
  const day = `${year}${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
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

/** An hour's length in short: 95 s, 12 min, 1.9 h. */
export function span(s) {
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 360) / 10} h`;
}

/** Today in Shanghai, which is the day that WeChat and all counters know. */
export const shanghaiToday = () => new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai' }).format(new Date());
