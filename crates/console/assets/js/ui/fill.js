// A template filled by hand: what the phone shows of it while one types, what the word list finds in it, and a test sent.
import { html, useEffect, useState } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { may, useMe } from '../me.js';
import { go } from '../router.js';
import { Field, FormTrouble, useForm } from './form.js';
import { fits } from './kinds.js';
import { Findings } from './marked.js';
import { Phone } from './phone.js';

words({
  zh: { 'fill.openid': '接收者 openid', 'fill.go': '发送并查看经过', 'fill.words': '词表发现' },
  en: { 'fill.openid': 'openid of the recipient', 'fill.go': 'Send and watch', 'fill.words': 'Found by the word list' },
});

/** After so long without a key the preview is asked for. */
const PAUSE_MS = 250;

const dataOf = (template, values) => Object.fromEntries(template.fields.map(({ name }) => [name, { value: values[`data.${name}`] || '' }]));

/** `{preview, findings}` of the text as it stands; the one before stays until there is another. */
function useLook(appid, template, values) {
  const [look, show] = useState(null);
  const asked = JSON.stringify({ appid, template_id: template.template_id, data: dataOf(template, values) });
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => api.post('/api/v1/content/check', JSON.parse(asked)).then((look) => !gone && show(look), () => {}), look ? PAUSE_MS : 0);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [asked]);
  return look;
}

/** The fields of `template` with `values` to begin with, beside the phone. Whoever may send can send it to one person. */
export function Fill({ appid, account, template, values = {} }) {
  const me = useMe();
  // A dot in a field's name is its path in the request: faults find their way back by it.
  const initial = Object.fromEntries(template.fields.map(({ name }) => [`data.${name}`, values[name] || '']));
  const form = useForm({ touser: '', ...initial }, async (values) => {
    const { id } = await api.post('/api/v1/messages', { appid, touser: values.touser.trim(), template_id: template.template_id, data: dataOf(template, values) });
    go(`/messages/${id}`);
  });
  const look = useLook(appid, template, form.values);
  const names = ['touser', ...template.fields.map(({ name }) => `data.${name}`)];
  return html`<div class="columns"><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${names} />
    ${template.fields.map((field) => html`<${Field} key=${field.name} form=${form} name=${`data.${field.name}`} label=${field.label ? `${field.label} (${field.name})` : field.name} hint=${fits(field)} />`)}
    ${may(me, 'operator') && html`<${Field} form=${form} name="touser" label=${t('fill.openid')} autocomplete="off" required />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('fill.go')}</button></div>`}</form>
    <div class="stack" aria-live="polite">${look?.preview && html`<${Phone} preview=${look.preview} account=${account.name} />`}
    ${look?.findings.length > 0 && html`<div class="warn-text"><strong>${t('fill.words')}</strong><${Findings} found=${look.findings} /></div>`}</div></div>`;
}
