// A scenario as its JSON, to be looked over and saved; every fault with its place.
import { html } from '../lib.js';
import { Problem } from '../api.js';
import { t, words } from '../i18n.js';
import { Trouble } from './basic.js';
import { Field, useForm } from './form.js';
import { toast } from './toast.js';

words({
  zh: { 'editor.json': '场景（JSON）', 'editor.saved': '已保存，立即生效', 'editor.broken': '不是有效的 JSON：{why}' },
  en: { 'editor.json': 'Scenario (JSON)', 'editor.saved': 'Saved and in force', 'editor.broken': 'This is not JSON: {why}' },
});

/** `errors` of the API: each at its field. */
export const Faults = ({ errors }) => html`<ul class="faults">${errors.map((error, n) => html`<li key=${n}><code>${error.field}</code> ${error.message}</li>`)}</ul>`;

function read(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = t('editor.broken', { why: error.message });
    throw new Problem(0, { detail: message, errors: [{ field: 'json', message }] });
  }
}

/** `save(scenario)` puts it in force. */
export function Editor({ scenario, save }) {
  const form = useForm({ json: JSON.stringify(scenario, null, 2) }, async ({ json }) => {
    await save(read(json));
    toast(t('editor.saved'), 'good');
  });
  const others = (form.problem?.errors || []).filter((error) => error.field !== 'json');
  return html`<form class="stack" onSubmit=${form.onSubmit}>${form.problem && form.problem.of?.('json') === '' && html`<${Trouble} problem=${form.problem} />`}${others.length > 0 && html`<${Faults} errors=${others} />`}
    <${Field} form=${form} name="json" type="textarea" rows="20" class="code" spellcheck="false" label=${t('editor.json')} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('act.save')}</button></div></form>`;
}
