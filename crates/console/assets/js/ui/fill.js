// A template filled by hand: what the phone shows of it while one types, what is found in it, a dry run, and a test sent.
import { html, useRef, useState } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { may, useMe } from '../me.js';
import { go } from '../router.js';
import { Field, FormTrouble, useForm } from './form.js';
import { fits } from './kinds.js';
import { Look, useLook } from './look.js';
import { Judged } from './verdict.js';

words({
  zh: { 'fill.openid': '接收者 openid', 'fill.go': '发送并查看经过', 'fill.try': '试运行（不发送）' },
  en: { 'fill.openid': 'openid of the recipient', 'fill.go': 'Send and watch', 'fill.try': 'Try (nothing is sent)' },
});

const dataOf = (template, values) => Object.fromEntries(template.fields.map(({ name }) => [name, { value: values[`data.${name}`] || '' }]));

/** The fields of `template` with `values` to begin with, beside the phone. Whoever may send can send it to one person. */
export function Fill({ appid, account, template, values = {} }) {
  const me = useMe();
  // A dot in a field's name is its path in the request: faults find their way back by it.
  const initial = Object.fromEntries(template.fields.map(({ name }) => [`data.${name}`, values[name] || '']));
  const dry = useRef(false);
  const [answer, show] = useState(null);
  const form = useForm({ touser: '', ...initial }, async (values) => {
    show(null);
    const message = { appid, touser: values.touser.trim(), template_id: template.template_id, data: dataOf(template, values) };
    if (dry.current) return show(await api.post('/api/v1/messages', { ...message, dry_run: true }));
    return go(`/messages/${(await api.post('/api/v1/messages', message)).id}`);
  });
  const look = useLook({ appid, template_id: template.template_id, data: dataOf(template, form.values) });
  const names = ['touser', ...template.fields.map(({ name }) => `data.${name}`)];
  const press = (isDry) => () => {
    dry.current = isDry;
  };
  return html`<div class="columns"><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${names} />
    ${template.fields.map((field) => html`<${Field} key=${field.name} form=${form} name=${`data.${field.name}`} label=${field.label ? `${field.label} (${field.name})` : field.name} hint=${fits(field)} />`)}
    ${may(me, 'operator') && html`<${Field} form=${form} name="touser" label=${t('fill.openid')} autocomplete="off" required />
    <div class="form-acts"><button class="button primary" disabled=${form.busy} onClick=${press(false)}>${t('fill.go')}</button><button class="button" disabled=${form.busy} onClick=${press(true)}>${t('fill.try')}</button></div>`}</form>
    <${Look} look=${look} account=${account}>${answer && html`<${Judged} answer=${answer} />`}<//></div>`;
}
