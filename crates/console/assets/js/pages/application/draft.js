// The form of an application: each fault of the check at its field, the phone beside it.
import { html, useState } from '../../lib.js';
import { Problem, api } from '../../api.js';
import { lang, said, t, words } from '../../i18n.js';
import { act } from '../../ui/act.js';
import { Card } from '../../ui/basic.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { KINDS, fits, kindName } from '../../ui/kinds.js';
import { Phone } from '../../ui/phone.js';
import { toast } from '../../ui/toast.js';

words({
  zh: {
    'draft.title': '申请内容', 'draft.name_hint': '写明是哪一类消息，以“通知”或“提醒”结尾；最多 20 个字符', 'draft.industry_hint': '与营业执照相符', 'draft.choose': '请选择', 'draft.keyword': '关键词 {n}', 'draft.keyword_name': '名称', 'draft.type': '类型', 'draft.value': '示例值', 'draft.keywords_hint': '1–10 个，按业务顺序：单号、金额、时间在前，备注在后', 'draft.add': '加一个关键词', 'draft.up': '上移', 'draft.drop': '删除', 'draft.purpose_hint': '谁在什么情况下收到；最多 200 个字符', 'draft.links': '业务页面链接（每行一个，可以不填）',
    'draft.save': '保存草稿', 'draft.check': '保存并检查', 'draft.saved': '已保存', 'draft.sound': '检查通过，可以提交', 'draft.faults': '有 {n} 处需要修改，已标在各项下面', 'draft.advice': '可以改进（不影响提交）',
  },
  en: {
    'draft.title': 'What is applied for', 'draft.name_hint': 'Name the kind of message; titles end with 通知 or 提醒; at most 20 characters', 'draft.industry_hint': 'As the business licence says', 'draft.choose': 'Choose', 'draft.keyword': 'Keyword {n}', 'draft.keyword_name': 'Name', 'draft.type': 'Type', 'draft.value': 'Sample', 'draft.keywords_hint': '1 to 10, in the order of the business: number, amount and time first, remarks last', 'draft.add': 'Another keyword', 'draft.up': 'Up', 'draft.drop': 'Remove', 'draft.purpose_hint': 'Who gets it, and upon what; at most 200 characters', 'draft.links': 'Pages of the business (one a line; may stay empty)',
    'draft.save': 'Save the draft', 'draft.check': 'Save and check', 'draft.saved': 'Saved', 'draft.sound': 'The check finds nothing: it may be handed in', 'draft.faults': '{n} faults, each at its field', 'draft.advice': 'Could be better (it may be handed in all the same)',
  },
});

const KEYWORDS_MAX = 10;

const valuesOf = ({ title, industry, keywords, sample, purpose, links }) => ({
  title, industry: industry === null ? '' : String(industry), purpose, links: links.join('\n'),
  keywords: (keywords.length ? keywords : [{ name: '', type: 'thing' }]).map(({ name, type }) => ({ name, type, value: sample[name] || '' })),
});

const requestOf = ({ title, industry, keywords, purpose, links }) => {
  // A row without any text was never meant.
  const meant = keywords.filter(({ name, value }) => name.trim() || value.trim());
  return {
    title: title.trim(), ...(industry && { industry: Number(industry) }), purpose: purpose.trim(), links: links.split('\n').map((link) => link.trim()).filter(Boolean),
    keywords: meant.map(({ name, type }) => ({ name: name.trim(), type })),
    sample: Object.fromEntries(meant.filter(({ name }) => name.trim()).map(({ name, value }) => [name.trim(), value.trim()])),
  };
};

function Keyword({ form, at, keyword }) {
  const { keywords } = form.values;
  const put = (name) => (event) => form.put('keywords', keywords.map((one, n) => (n === at ? { ...one, [name]: event.target.value } : one)));
  const drop = () => form.put('keywords', keywords.filter((_, n) => n !== at));
  const up = () => form.put('keywords', keywords.map((one, n) => (n === at - 1 ? keyword : n === at ? keywords[at - 1] : one)));
  const [wrong, value] = [form.problem?.of(`keywords.${at}`), form.problem?.of(`sample.${keyword.name.trim()}`)];
  const id = (part) => `keyword-${at}-${part}`;
  return html`<li class="keyword" aria-label=${t('draft.keyword', { n: at + 1 })}>
    <div class=${`filter ${wrong ? 'wrong' : ''}`}><label for=${id('name')}>${at + 1}. ${t('draft.keyword_name')}</label><input id=${id('name')} value=${keyword.name} aria-invalid=${Boolean(wrong)} onInput=${put('name')} /></div>
    <div class=${`filter ${wrong ? 'wrong' : ''}`}><label for=${id('type')}>${t('draft.type')}</label><select id=${id('type')} value=${keyword.type} onChange=${put('type')}>${KINDS.map((kind) => html`<option key=${kind} value=${kind} selected=${kind === keyword.type}>${kindName(kind)}</option>`)}</select></div>
    <div class=${`filter ${value ? 'wrong' : ''}`}><label for=${id('value')}>${t('draft.value')}</label><input id=${id('value')} value=${keyword.value} aria-invalid=${Boolean(value)} aria-describedby=${id('hint')} onInput=${put('value')} /></div>
    <p class="hint" id=${id('hint')}>${wrong || value ? html`<strong class="fault">${[wrong, value].filter(Boolean).join('；')}</strong>` : fits({ kind: keyword.type })}</p>
    <div class="actions"><button type="button" class="button small" disabled=${at === 0} onClick=${up}>${t('draft.up')}</button><button type="button" class="button small" onClick=${drop}>${t('draft.drop')}</button></div></li>`;
}

function Keywords({ form }) {
  const { keywords } = form.values;
  const fault = form.problem?.of('keywords');
  const add = () => form.put('keywords', [...keywords, { name: '', type: 'thing', value: '' }]);
  return html`<div class=${`field ${fault ? 'wrong' : ''}`}><strong>${t('application.keywords')}</strong><p class="hint">${fault ? html`<strong class="fault">${fault}</strong>` : t('draft.keywords_hint')}</p>
    <ol class="stack">${keywords.map((keyword, at) => html`<${Keyword} key=${at} form=${form} at=${at} keyword=${keyword} />`)}</ol>
    ${keywords.length < KEYWORDS_MAX && html`<div><button type="button" class="button small" onClick=${add}>${t('draft.add')}</button></div>`}</div>`;
}

/** What the phone would show of the sample. */
const previewOf = ({ title, keywords }) => ({ title: title || '…', rows: keywords.filter(({ name }) => name.trim()).map(({ name, value }) => ({ label: name, value })), dropped: [] });

/** The fields under which a fault is shown; a fault of one link stands at all of them. */
const shown = (errors) => errors.map((error) => ({ ...error, field: error.field.startsWith('links.') ? 'links' : error.field }));

export function Draft({ path, account, application, industries, again }) {
  const [advice, advise] = useState([]);
  const form = useForm(valuesOf(application), async (values) => {
    await api.patch(path, requestOf(values));
    const found = await api.post(`${path}/check`, {});
    advise(found.advice);
    again();
    if (!found.faults.length) return toast(t('draft.sound'), 'good');
    const errors = shown(found.faults.map((fault) => ({ field: fault.field, message: said(fault) })));
    throw new Problem(0, { detail: t('draft.faults', { n: errors.length }), errors });
  });
  const save = async () => {
    await act(() => api.patch(path, requestOf(form.values)), t('draft.saved'));
    again();
  };
  const options = [['', t('draft.choose')], ...industries.map((one) => [String(one.code), lang() === 'zh' ? `${one.primary_zh} / ${one.secondary_zh}` : `${one.primary_en} / ${one.secondary_en}`])];
  const fields = ['title', 'industry', 'keywords', 'purpose', 'links', ...form.values.keywords.flatMap(({ name }, at) => [`keywords.${at}`, `sample.${name.trim()}`])];
  const atFields = form.problem?.errors.length > 0 && form.problem.errors.every(({ field }) => fields.includes(field));
  return html`<${Card} title=${t('draft.title')} data-part="draft"><div class="columns uneven"><form onSubmit=${form.onSubmit}>
    ${atFields && html`<p class="warn-text" role="alert">${form.problem.message}</p>`}<${FormTrouble} form=${form} fields=${fields} />
    <${Field} form=${form} name="title" label=${t('application.name')} hint=${t('draft.name_hint')} /><${Field} form=${form} name="industry" label=${t('application.industry')} hint=${t('draft.industry_hint')} options=${options} />
    <${Keywords} form=${form} /><${Field} form=${form} name="purpose" type="textarea" rows="3" label=${t('application.purpose')} hint=${t('draft.purpose_hint')} /><${Field} form=${form} name="links" type="textarea" rows="2" label=${t('draft.links')} />
    <div class="form-acts"><button class=${`button ${application.state === 'checked' ? '' : 'primary'}`} disabled=${form.busy}>${t('draft.check')}</button><button type="button" class="button" onClick=${save}>${t('draft.save')}</button></div></form>
    <div class="stack"><${Phone} preview=${previewOf(form.values)} account=${account.name} />
    ${advice.length > 0 && html`<div class="said"><strong>${t('draft.advice')}</strong><ul>${advice.map((one) => html`<li key=${`${one.field}.${one.code}`}>${said(one)}</li>`)}</ul></div>`}</div></div><//>`;
}
