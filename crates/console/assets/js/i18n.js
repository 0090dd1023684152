// Words in the language chosen. Shared ones are in i18n/; a page adds its own by `words`.
import zh from './i18n/zh.js';
import en from './i18n/en.js';
import { onClock } from './clock.js';

const texts = { zh: { ...zh }, en: { ...en } };
const KEY = 'hongyan.language';

function chosen() {
  const kept = localStorage.getItem(KEY);
  if (kept === 'zh' || kept === 'en') return kept;
  const wish = (navigator.languages || []).find((tag) => /^(zh|en)/i.test(tag)) || 'zh';
  return wish.toLowerCase().startsWith('en') ? 'en' : 'zh';
}

let current = chosen();
const listeners = new Set();

/** The language: `zh` or `en`. */
export const lang = () => current;

/** Chooses a language and shows everything anew. */
export function setLang(language) {
  if (language !== 'zh' && language !== 'en') return;
  localStorage.setItem(KEY, language);
  current = language;
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  listeners.forEach((listener) => listener());
}

/** Calls back when the language changes; gives the way to stop that. */
export function onLang(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Adds a page's words: `words({ zh: {'messages.title': '消息'}, en: {…} })`. Both languages have the same keys. */
export function words({ zh, en }) {
  Object.assign(texts.zh, zh);
  Object.assign(texts.en, en);
}

/** The text of a key, with `{name}` put in. A key without a text shows itself: a test finds those. */
export function t(key, values) {
  const text = texts[current][key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '') : text;
}

/** Whether there is a text for it. */
export const has = (key) => key in texts[current];

/** The words that have a text under a prefix: `wordsOf('cause')`. */
export const wordsOf = (prefix) => Object.keys(texts[current]).filter((key) => key.startsWith(`${prefix}.`)).map((key) => key.slice(prefix.length + 1));

/** Of a text in both languages as the API gives it, `{zh, en}`; the times in it as the page shows times. */
export const said = (both) => onClock(both && typeof both === 'object' ? both[current] : both) ?? '';

/** Keys that only one language has; for the tests. */
export function lone() {
  const [a, b] = [Object.keys(texts.zh), Object.keys(texts.en)];
  return [...a.filter((key) => !(key in texts.en)), ...b.filter((key) => !(key in texts.zh))];
}
