// A text with the words that the word list found in it.
import { html } from '../lib.js';
import { has, t } from '../i18n.js';

const word = (key, value) => (has(`${key}.${value}`) ? t(`${key}.${value}`) : value);

/** `found`: `[{word, category, severity, from, to}]`, places in characters. Overlapping ones are marked once. */
export function Marked({ text, found }) {
  const letters = Array.from(text);
  const parts = [];
  let at = 0;
  for (const one of [...found].sort((a, b) => a.from - b.from)) {
    if (one.from < at || one.to > letters.length) continue;
    parts.push(letters.slice(at, one.from).join(''), one);
    at = one.to;
  }
  parts.push(letters.slice(at).join(''));
  return html`<span>${parts.map((part, n) => (typeof part === 'string' ? part : html`<mark key=${n} class=${part.severity} title=${word('wordlist', part.category)}>${letters.slice(part.from, part.to).join('')}</mark>`))}</span>`;
}

/** What was found, each once, with why it is on the list. */
export function Findings({ found }) {
  const each = found.filter((one, at) => found.findIndex((other) => other.word === one.word && other.category === one.category) === at);
  return html`<ul class="findings">${each.map((one) => html`<li key=${`${one.word}.${one.category}`}><mark class=${one.severity}>${one.word}</mark> <span class="faint">${word('wordlist', one.category)} · ${word('severity', one.severity)}</span></li>`)}</ul>`;
}
