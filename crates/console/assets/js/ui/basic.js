// Small pieces: headings, ids that copy, times, states, empty places.
import { html, useState } from '../lib.js';
import { has, said, t } from '../i18n.js';
import { ZONE, instant } from '../clock.js';
import { Link } from '../router.js';
import { toast } from './toast.js';

/** A page's head: its title, what stands beside it, what it can do. */
export function Head({ title, note, children }) {
  document.title = `${title} · ${t('app.name')}`;
  return html`<header class="head"><div><h1>${title}</h1>${note && html`<p class="note">${note}</p>`}</div>
    <div class="actions">${children}</div></header>`;
}

/** A part of a page. */
export const Card = ({ title, children, aside, ...rest }) => html`<section class="card" ...${rest}>
  ${title && html`<div class="card-head"><h2>${title}</h2>${aside}</div>`}${children}</section>`;

const Copy = () => html`<svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5"><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 3V2.5h-8v8H3" /></svg>`;

/** Text that is copied at a click. `short`: so many characters are shown. */
export function Id({ value, short = 0, href }) {
  const [done, show] = useState(false);
  if (!value) return html`<span class="faint">–</span>`;
  const copy = async (event) => {
    event.stopPropagation();
    await copyText(value);
    show(true);
    setTimeout(() => show(false), 1500);
  };
  const text = short && value.length > short ? `${value.slice(0, short)}…` : value;
  return html`<span class="id">${href ? html`<${Link} href=${href}><code title=${value}>${text}</code><//>` : html`<code title=${value}>${text}</code>`}
    <button type="button" class="copy" onClick=${copy} aria-label=${`${t('act.copy')} ${value}`} title=${t('act.copy')}>${done ? '✓' : html`<${Copy} />`}</button></span>`;
}

/** Copies; without the clipboard API (plain http on another machine) by selecting it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(t('act.copied'));
}

/** A time with its zone on hover. */
export const Time = ({ at }) => (at
  ? html`<time datetime=${at} title=${`${instant(at)} ${ZONE} (UTC+8) · ${at}`}>${instant(at)}</time>`
  : html`<span class="faint">–</span>`);

const TONES = {
  delivered: 'good', sent: 'info', pending: 'calm', claimed: 'calm', failed: 'bad', unknown: 'warn', suppressed: 'warn', cancelled: 'calm',
};

/** A message's state, in the API's word or its Chinese name. */
export const State = ({ state }) => html`<span class=${`badge ${TONES[state] || 'calm'}`} data-state=${state}>${t(`state.${state}`)}</span>`;

/** Any short word with a tone: good, bad, warn, info, calm. */
export const Badge = ({ tone = 'calm', children }) => html`<span class=${`badge ${tone}`}>${children}</span>`;

/** A cause in words; one nobody has named yet shows itself. */
export const cause = (word) => (word ? (has(`cause.${word}`) ? t(`cause.${word}`) : word) : '');

/** A place with nothing in it: why, and the next step. */
export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title || t('table.empty')}</p>${children}</div>`;

/** A command to be copied. */
export const Command = ({ children }) => html`<div class="command"><pre tabindex="0">${children}</pre>
  <button type="button" class="button small" onClick=${() => copyText(children)}>${t('act.copy')}</button></div>`;

/** What went wrong, with the advice that came with it. */
export function Trouble({ problem, again }) {
  if (!problem) return null;
  const wechat = problem.body?.wechat;
  return html`<div class="trouble" role="alert"><p>${problem.message}</p>
    ${wechat && html`<p>${said(wechat.meaning)} ${said(wechat.advice)}</p>`}
    ${again && html`<button type="button" class="button small" onClick=${again}>${t('app.retry')}</button>`}</div>`;
}

/** While something is asked for the first time. */
export const Loading = () => html`<p class="faint" role="status">${t('app.loading')}</p>`;
