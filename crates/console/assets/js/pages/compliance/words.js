// The word list: read, replaced, taken back, and held against a text.
import { html, useState } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { number } from '../../format.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { useQuery } from '../../router.js';
import { Badge, Card, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { Findings, Marked } from '../../ui/marked.js';
import { toast } from '../../ui/toast.js';

words({
  zh: {
    'wordlist.title': '词表', 'wordlist.of': '适用于', 'wordlist.all': '所有公众号', 'wordlist.this': '只此公众号', 'wordlist.shared': '该公众号没有自己的词表，使用公共词表', 'wordlist.shipped': '内置词表', 'wordlist.version': '第 {n} 版', 'wordlist.count': '{n} 个词', 'wordlist.format': '每行一个：词,类别,处理方式。处理方式：refuse 拒发、hold 待审、note 提示；“短语,allow”表示短语内的词不算。', 'wordlist.list': '内容', 'wordlist.pinyin': '拼音匹配',
    'wordlist.pinyin_off': '不匹配拼音', 'wordlist.pinyin_whole': '全拼（weixin）', 'wordlist.pinyin_mixed': '混合（wei信）', 'wordlist.replace': '替换词表', 'wordlist.replaced': '词表已生效', 'wordlist.back': '撤回，使用上一级词表', 'wordlist.back_ask': '撤回这份词表？', 'wordlist.back_text': '公众号自己的词表撤回后使用公共词表；公共词表撤回后使用内置词表。', 'wordlist.line': '第 {n} 行',
    'wordlist.try': '试一段文字', 'wordlist.try_title': '标题', 'wordlist.try_text': '内容（每行一个字段）', 'wordlist.try_go': '检查', 'wordlist.try_none': '没有发现词表中的词。', 'wordlist.category': '消息类别',
  },
  en: {
    'wordlist.title': 'Word list', 'wordlist.of': 'For', 'wordlist.all': 'all accounts', 'wordlist.this': 'this account only', 'wordlist.shared': 'This account has no list of its own: that of all accounts holds', 'wordlist.shipped': 'the list that comes with Hongyan', 'wordlist.version': 'version {n}', 'wordlist.count': '{n} words', 'wordlist.format': 'One a line: word,category,severity. Severity: refuse, hold (a person decides) or note; “phrase,allow” is a phrase inside which no word counts.', 'wordlist.list': 'List', 'wordlist.pinyin': 'Pinyin',
    'wordlist.pinyin_off': 'not found', 'wordlist.pinyin_whole': 'whole (weixin)', 'wordlist.pinyin_mixed': 'mixed (wei信)', 'wordlist.replace': 'Replace the list', 'wordlist.replaced': 'The list is in force', 'wordlist.back': 'Take this list back', 'wordlist.back_ask': 'Take this list back?', 'wordlist.back_text': 'Without its own list an account has that of all accounts, and those have the one that comes with Hongyan.', 'wordlist.line': 'line {n}',
    'wordlist.try': 'Try a text', 'wordlist.try_title': 'Title', 'wordlist.try_text': 'Content (one field a line)', 'wordlist.try_go': 'Check', 'wordlist.try_none': 'No word of the list is in it.', 'wordlist.category': 'Category',
  },
});

const VERDICTS = { pass: 'good', hold: 'warn', refuse: 'bad' };

function Try({ appid }) {
  const [said, show] = useState(null);
  const form = useForm({ title: '', text: '', category: 'service' }, async ({ title, text, category }) => {
    const lines = text.split('\n').filter((line) => line.trim());
    const asked = { appid, title, category, fields: lines.map((value) => ({ value })) };
    show({ title, lines, told: await api.post('/api/v1/content/check', asked) });
  });
  const found = (place, field) => (said.told.findings || []).filter((one) => one.place === place && (!field || one.field === field));
  return html`<${Card} title=${t('wordlist.try')}><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['title', 'category']} />
    <${Field} form=${form} name="title" label=${t('wordlist.try_title')} /><${Field} form=${form} name="text" type="textarea" label=${t('wordlist.try_text')} required />
    <${Field} form=${form} name="category" label=${t('wordlist.category')} options=${['service', 'transactional', 'marketing'].map((word) => [word, t(`category.${word}`)])} />
    <button class="button primary" disabled=${form.busy}>${t('wordlist.try_go')}</button></form>
    ${said && html`<div class="stack" aria-live="polite"><p><${Badge} tone=${VERDICTS[said.told.verdict]}>${t(`verdict.${said.told.verdict}`)}<//></p>
      <div class="phone-card">${said.title && html`<p class="phone-title"><${Marked} text=${said.title} found=${found('title')} /></p>`}${said.lines.map((line, n) => html`<p key=${n}><${Marked} text=${line} found=${found('value', `fields[${n}]`)} /></p>`)}</div>
      ${(said.told.findings || []).length ? html`<${Findings} found=${said.told.findings} />` : html`<p class="faint">${t('wordlist.try_none')}</p>`}</div>`}<//>`;
}

/** The faults of single lines are named by their number. */
function Lines({ problem }) {
  const faults = (problem?.errors || []).map((error) => [/^list\.(\d+)$/.exec(error.field)?.[1], error]).filter(([line]) => line);
  return faults.length > 0 && html`<ul class="faults">${faults.slice(0, 20).map(([line, error]) => html`<li key=${line}>${t('wordlist.line', { n: line })}: ${error.message}</li>`)}</ul>`;
}

function List({ own, appid, list, again }) {
  const me = useMe();
  const whose = own ? { appid } : {};
  const form = useForm({ list: list.list || '', pinyin: list.pinyin }, async (values) => {
    if (!(await ask({ title: t('wordlist.replace'), text: t('wordlist.count', { n: number(values.list.split('\n').filter((line) => line.trim()).length) }), yes: t('wordlist.replace') }))) return;
    await api.put('/api/v1/words', { ...whose, ...values });
    toast(t('wordlist.replaced'), 'good');
    again();
  });
  const back = async () => {
    if (!(await ask({ title: t('wordlist.back_ask'), text: t('wordlist.back_text'), yes: t('wordlist.back'), danger: true }))) return;
    await act(() => api.delete(`/api/v1/words${own ? `?appid=${encodeURIComponent(appid)}` : ''}`, {}), t('act.done'));
    again();
  };
  const inherited = own && list.appid !== appid;
  return html`<form class="stack" onSubmit=${form.onSubmit}><p class="note">${list.version === 0 ? t('wordlist.shipped') : t('wordlist.version', { n: list.version })} · ${t('wordlist.count', { n: number(list.words) })} ${list.since && html`· <${Time} at=${list.since} />`}${inherited && html`<br />${t('wordlist.shared')}`}</p>
    <div><${FormTrouble} form=${form} fields=${['list', 'pinyin']} /><${Lines} problem=${form.problem} /></div>
    <${Field} form=${form} name="list" type="textarea" rows="14" spellcheck="false" class="code" label=${t('wordlist.list')} hint=${t('wordlist.format')} readonly=${!may(me, 'admin')} />
    ${may(me, 'admin') && html`<${Field} form=${form} name="pinyin" label=${t('wordlist.pinyin')} options=${['mixed', 'whole', 'off'].map((word) => [word, t(`wordlist.pinyin_${word}`)])} />
    <div class="form-acts"><button class="button" disabled=${form.busy}>${t('wordlist.replace')}</button>${list.version !== 0 && !inherited && html`<button type="button" class="button danger" onClick=${back}>${t('wordlist.back')}</button>`}</div>`}</form>`;
}

export default function Words({ appid }) {
  const [query, set] = useQuery();
  const own = query.of === 'own';
  const { data, problem, again } = useData((signal) => api.get('/api/v1/words', own ? { appid } : {}, signal), [own, appid]);
  const choice = html`<select name="of" aria-label=${t('wordlist.of')} value=${own ? 'own' : ''} onChange=${(event) => set({ of: event.target.value })}><option value="" selected=${!own}>${t('wordlist.all')}</option><option value="own" selected=${own}>${t('wordlist.this')}</option></select>`;
  return html`<div class="columns uneven" data-part="words"><${Card} title=${t('wordlist.title')} aside=${choice}><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${data && html`<${List} key=${`${own}.${data.appid}.${data.version}`} own=${own} appid=${appid} list=${data} again=${again} />`}<//><${Try} appid=${appid} /></div>`;
}
