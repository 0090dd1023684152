// The one clock of all pages: Shanghai's, by which WeChat counts its days. Summer time is unknown there since 1992.
export const ZONE = 'Asia/Shanghai';
const AHEAD_MS = 8 * 3600000;
const two = (n) => String(n).padStart(2, '0');

/** A time as Shanghai's clocks show it: `{year, month, day, hours, minutes, seconds}`. */
export function clock(at) {
  const date = new Date(new Date(at).getTime() + AHEAD_MS);
  return {
    year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), hours: date.getUTCHours(), minutes: date.getUTCMinutes(), seconds: date.getUTCSeconds(),
  };
}

/** 11-23 */
export const dayOf = ({ month, day }) => `${two(month)}-${two(day)}`;

/** 12:00 */
export const minuteOf = ({ hours, minutes }) => `${two(hours)}:${two(minutes)}`;

/** 11-23 12:00:05; with the year where it is another. */
export function instant(at) {
  const shown = clock(at);
  const year = shown.year === clock(Date.now()).year ? '' : `${shown.year}-`;
  return `${year}${dayOf(shown)} ${minuteOf(shown)}:${two(shown.seconds)}`;
}

/** Today, like 2026-11-23. */
export function today() {
  const shown = clock(Date.now());
  return `${shown.year}-${dayOf(shown)}`;
}

/** A time as a field of `datetime-local` shows it: 2026-11-23T12:00. */
export function localOf(at) {
  const shown = clock(at);
  return `${shown.year}-${dayOf(shown)}T${minuteOf(shown)}`;
}

/** A time as a field of `datetime-local` has it, as the API wants it. */
export const asTime = (local) => (local ? new Date(`${local}+08:00`).toISOString() : undefined);

const IN_TEXT = /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)/g;

/** A text of the server with its times as all others on the page. */
export const onClock = (text) => (typeof text === 'string' ? text.replace(IN_TEXT, (at) => instant(at)) : text);
