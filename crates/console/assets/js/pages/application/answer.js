// WeChat's answer, as a person notes it.
import { html } from '../../lib.js';
import { asTime } from '../../clock.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useTemplates } from '../../known.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { toast } from '../../ui/toast.js';

words({
  zh: { 'answer.approve': '微信通过了', 'answer.reject': '微信驳回了', 'answer.template': '成为哪个模板（先同步；可以不选）', 'answer.reason': '微信给出的理由', 'answer.reason_hint': '照抄微信的原话，下一稿按它改', 'answer.reviewer': '谁答复或记录的', 'answer.at': '答复时间（留空：现在）', 'answer.noted': '已记录' },
  en: { 'answer.approve': 'WeChat took it', 'answer.reject': 'WeChat refused it', 'answer.template': 'Which template it became (sync first; may stay open)', 'answer.reason': 'WeChat’s reason', 'answer.reason_hint': 'In WeChat’s words: the next draft is written by them', 'answer.reviewer': 'Who answered, or noted it', 'answer.at': 'When (empty: now)', 'answer.noted': 'Noted' },
});

function Note({ path, verdict, again, children }) {
  const form = useForm({ reviewer: '微信', reason: '', template_id: '', at: '' }, async ({ reviewer, reason, template_id, at }) => {
    await api.post(`${path}/${verdict}`, { reviewer: reviewer.trim(), reason: reason.trim(), ...(template_id && { template_id }), at: asTime(at) });
    toast(t('answer.noted'), 'good');
    again();
  });
  return html`<details data-part=${verdict}><summary>${t(`answer.${verdict}`)}</summary><form class="inset" onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['reviewer', 'reason', 'template_id', 'at']} />
    ${children(form)}<${Field} form=${form} name="reviewer" label=${t('answer.reviewer')} required /><${Field} form=${form} name="at" type="datetime-local" label=${t('answer.at')} />
    <button class="button" disabled=${form.busy}>${t('act.save')}</button></form></details>`;
}

/** Both answers, folded. */
export function Answer({ appid, path, again }) {
  const templates = Object.values(useTemplates(appid));
  const options = [['', t('word.none')], ...templates.map((one) => [one.template_id, one.title])];
  return html`<${Note} path=${path} verdict="approve" again=${again}>${(form) => html`<${Field} form=${form} name="template_id" label=${t('answer.template')} options=${options} />`}<//>
    <${Note} path=${path} verdict="reject" again=${again}>${(form) => html`<${Field} form=${form} name="reason" type="textarea" label=${t('answer.reason')} hint=${t('answer.reason_hint')} required />`}<//>`;
}
