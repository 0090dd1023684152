// Settings that are lists: the windows of interactions, the caps, kinds of interactions.
import { html } from '../../lib.js';
import { t, words } from '../../i18n.js';
import { KINDS } from './words.js';

words({
  zh: { 'rulelist.add_cap': '增加上限', 'rulelist.add_window': '增加窗口', 'rulelist.remove': '移除' },
  en: { 'rulelist.add_cap': 'Add a cap', 'rulelist.add_window': 'Add a window', 'rulelist.remove': 'Remove' },
});

const CAP = { per: 'day', over: 'all', limit: 3 };
const WINDOW = { kinds: [], valid_hours: 168, per_day: 3, in_all: null, notice: 'normal' };

export function Kinds({ label, value, put }) {
  const turn = (kind) => put(value.includes(kind) ? value.filter((one) => one !== kind) : [...value, kind]);
  return html`<fieldset><legend>${label}</legend>${KINDS.map((kind) => html`<label key=${kind} class="check"><input type="checkbox" checked=${value.includes(kind)} onChange=${() => turn(kind)} />${t(`interaction.${kind}`)}</label>`)}</fieldset>`;
}

const Select = ({ label, value, options, put }) => html`<label class="filter"><span>${label}</span><select value=${value} onChange=${(event) => put(event.target.value)}>${options.map(([word, text]) => html`<option key=${word} value=${word} selected=${word === value}>${text}</option>`)}</select></label>`;

/** `open`: empty stands for null, without a limit. */
function Whole({ label, value, put, open }) {
  const typed = (event) => put(event.target.value === '' ? (open ? null : '') : Number(event.target.value));
  return html`<label class="filter"><span>${label}</span><input type="number" min="0" required=${!open} value=${value ?? ''} onInput=${typed} /></label>`;
}

/** Rows that are added, changed and taken away. `row(one, change)` shows one. */
function Rows({ label, value, put, blank, add, row }) {
  const change = (at) => (part) => put(value.map((one, n) => (n === at ? { ...one, ...part } : one)));
  return html`<div class="stack" role="group" aria-label=${label}><p><strong>${label}</strong></p>
    ${value.map((one, at) => html`<div class="stack" key=${at} data-row=${at}>${row(one, change(at))}<div><button type="button" class="button small" onClick=${() => put(value.filter((_, n) => n !== at))}>${t('rulelist.remove')}</button></div></div>`)}
    <div><button type="button" class="button small" onClick=${() => put([...value, blank])}>${add}</button></div></div>`;
}

export function Caps(rest) {
  const options = (key, of, end = '') => of.map((word) => [word, t(`policy.${key}_${word}${end}`)]);
  const row = (cap, change) => html`<div class="filter-row"><${Select} label=${t('policy.per')} value=${cap.per} options=${options('per', ['day', 'week'], '_word')} put=${(per) => change({ per })} />
    <${Select} label=${t('policy.over')} value=${cap.over} options=${options('over', ['all', 'category', 'scenario'])} put=${(over) => change({ over })} /><${Whole} label=${t('policy.limit')} value=${cap.limit} put=${(limit) => change({ limit })} /></div>`;
  return html`<${Rows} ...${rest} blank=${CAP} add=${t('rulelist.add_cap')} row=${row} />`;
}

export function Windows(rest) {
  const notices = ['strong', 'normal', 'weak'].map((word) => [word, t(`policy.notice_${word}`)]);
  const row = (one, change) => html`<${Kinds} label=${t('policy.kinds')} value=${one.kinds} put=${(kinds) => change({ kinds })} />
    <div class="filter-row">${['valid_hours', 'per_day', 'in_all'].map((key) => html`<${Whole} key=${key} open label=${t(`policy.${key}`)} value=${one[key]} put=${(value) => change({ [key]: value })} />`)}<${Select} label=${t('policy.notice')} value=${one.notice} options=${notices} put=${(notice) => change({ notice })} /></div>`;
  return html`<${Rows} ...${rest} blank=${WINDOW} add=${t('rulelist.add_window')} row=${row} />`;
}
