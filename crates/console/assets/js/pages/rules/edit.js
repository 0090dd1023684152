// One rule changed: for one account or all, for one category or all, and taken back to what holds beneath.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { ask } from '../../ui/confirm.js';
import { act } from '../../ui/act.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { toast } from '../../ui/toast.js';
import { Caps, Kinds, Windows } from './lists.js';
import { MODES, RULES } from './words.js';

words({
  zh: { 'ruleedit.for': '适用于', 'ruleedit.all': '全部类别', 'ruleedit.only': '仅{category}消息', 'ruleedit.saved': '已保存，立即生效，包括已受理的消息', 'ruleedit.back': '撤销修改', 'ruleedit.back_text': '撤销“{whose}”对这条规则的修改，回到上一级的值。', 'ruleedit.back_done': '已撤销', 'ruleedit.same': '没有改动。' },
  en: { 'ruleedit.for': 'Holds for', 'ruleedit.all': 'all categories', 'ruleedit.only': '{category} only', 'ruleedit.saved': 'Saved and in force, for messages already accepted too', 'ruleedit.back': 'Take changes back', 'ruleedit.back_text': 'What “{whose}” changed of this rule is taken back to what holds beneath it.', 'ruleedit.back_done': 'Taken back', 'ruleedit.same': 'Nothing was changed.' },
});

const LISTS = { kinds: Kinds, windows: Windows, caps: Caps };
const asTyped = (section, settings) => Object.fromEntries(Object.entries(section).map(([key, value]) => [key, settings[key]?.sort === 'lines' ? value.join('\n') : value]));

function asGiven(value, sort) {
  if (sort === 'number') return Number(value);
  return sort === 'lines' ? value.split('\n').map((line) => line.trim()).filter(Boolean) : value;
}

/** Only what was changed is sent, so that the rest goes on following what holds beneath. */
function changed(values, section, settings) {
  const given = Object.keys(section).map((key) => [key, asGiven(values[key], settings[key]?.sort)]);
  return Object.fromEntries(given.filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(section[key])));
}

function Setting({ form, name, setting }) {
  const label = t(`policy.${name}`);
  if (LISTS[setting.sort]) {
    const fault = form.problem?.of?.(name);
    return html`<div class="wide-field"><${LISTS[setting.sort]} label=${label} value=${form.values[name]} put=${(value) => form.put(name, value)} />${fault && html`<p><strong class="fault">${fault}</strong></p>`}</div>`;
  }
  if (setting.sort === 'choice') return html`<${Field} form=${form} name=${name} label=${label} options=${setting.of.map((word) => [word, t(`policy.${name}_${word}`)])} />`;
  if (setting.sort === 'lines') return html`<${Field} form=${form} name=${name} type="textarea" label=${label} />`;
  return html`<${Field} form=${form} name=${name} type=${setting.sort} min=${setting.min} max=${setting.max} required label=${label} />`;
}

/** `whose`: what the account, or all of them, is called; `done` is called after a change. */
export function Edit({ rule, section, appid, category, whose, done, close }) {
  const settings = RULES[rule];
  const place = (scope) => ({ ...(appid && { appid }), ...(scope && { category: scope }) });
  // A brake is one for all categories.
  const scopes = [[category, t('ruleedit.only', { category: t(`category.${category}`) })], ['', t('ruleedit.all')]].filter(([word]) => rule !== 'brake' || !word);
  const form = useForm({ ...asTyped(section, settings), scope: scopes[0][0] }, async ({ scope, ...values }) => {
    const change = changed(values, section, settings);
    if (!Object.keys(change).length) return toast(t('ruleedit.same'));
    await api.patch(`/api/v1/policies/${rule}`, { ...place(scope), ...change });
    toast(t('ruleedit.saved'), 'good');
    return done();
  });
  const back = async () => {
    const said = await ask({ title: t('ruleedit.back'), text: t('ruleedit.back_text', { whose }), yes: t('ruleedit.back'), choice: { label: t('ruleedit.for'), options: scopes } });
    if (!said) return;
    const nothing = Object.fromEntries(Object.keys(section).map((key) => [key, null]));
    if (await act(() => api.patch(`/api/v1/policies/${rule}`, { ...place(said.choice), ...nothing }), t('ruleedit.back_done'))) done();
  };
  const names = ['mode', ...Object.keys(settings)];
  return html`<form class="stack" data-part="edit" onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${names} />
    <div class="form-grid"><${Field} form=${form} name="mode" label=${t('policy.mode')} hint=${t('policy.mode_hint')} options=${MODES.map((mode) => [mode, t(`policy.mode_${mode}`)])} />
    ${scopes.length > 1 && html`<${Field} form=${form} name="scope" at="category" label=${t('ruleedit.for')} options=${scopes} />`}</div>
    ${Object.entries(settings).map(([name, setting]) => html`<${Setting} key=${name} form=${form} name=${name} setting=${setting} />`)}
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('act.save')}</button><button type="button" class="button" onClick=${back}>${t('ruleedit.back')}</button><button type="button" class="button" onClick=${close}>${t('act.cancel')}</button></div></form>`;
}
