// Whether a message would go to this person now, and why not: asked at once, and again with every choice.
import { html, useState } from '../../lib.js';
import { api } from '../../api.js';
import { has, said, t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { Badge, Card, Loading, Time, Trouble } from '../../ui/basic.js';

words({
  zh: { 'why.title': '现在能发吗？', 'why.send': '可以发送', 'why.hold': '会等待', 'why.refuse': '会被拒绝', 'why.any': '不指定', 'why.basis': '消息证明的互动', 'why.by': '通过“{kind}”窗口', 'why.then': '可发时间', 'why.observed': '仅观察的规则：', 'why.note': '按现在的规则判断，不发送，也不计数。' },
  en: { 'why.title': 'Would a message go now?', 'why.send': 'it would go', 'why.hold': 'it would wait', 'why.refuse': 'it would be refused', 'why.any': 'none in particular', 'why.basis': 'Proven by the message', 'why.by': 'by the window “{kind}”', 'why.then': 'It could go at', 'why.observed': 'Rules that are only observed:', 'why.note': 'Judged by the rules as they are now; nothing is sent or counted.' },
});

const TONES = { send: 'good', hold: 'warn', refuse: 'bad' };
const KINDS = ['payment', 'menu_click', 'message', 'scan_subscribe'];
const ruleOf = ({ rule }) => (rule ? (has(`rule.${rule}`) ? t(`rule.${rule}`) : rule) : '');

function Verdict({ verdict }) {
  const named = [ruleOf(verdict), verdict.verdict !== 'refuse' && verdict.by && t('why.by', { kind: t(`interaction.${verdict.by}`) })].filter(Boolean);
  const observed = verdict.observed?.map((one) => `${ruleOf(one)}: ${t(`verdict.${one.verdict}`)}`).join(' · ');
  return html`<div aria-live="polite" class="stack"><p class="reading"><${Badge} tone=${TONES[verdict.verdict]}>${t(`why.${verdict.verdict}`)}<//> <span>${named.join(' · ')}</span></p>
    ${verdict.why && html`<p>${said(verdict.why)}</p>`}${verdict.until && html`<p>${t('why.then')} <${Time} at=${verdict.until} /></p>`}
    ${observed && html`<p class="faint">${t('why.observed')} ${observed}</p>`}</div>`;
}

const Choice = ({ name, label, value, choose, options }) => html`<label class="filter"><span>${label}</span><select name=${name} value=${value} onChange=${(event) => choose(event.target.value)}>${options.map(([word, text]) => html`<option key=${word} value=${word} selected=${word === value}>${text}</option>`)}</select></label>`;

export function Why({ appid, touser, category, revision }) {
  const [scenario, choose] = useState('');
  const [basis, prove] = useState('');
  const scenarios = useData((signal) => api.get('/api/v1/scenarios', { appid }, signal), [appid]).data?.scenarios || [];
  const asked = scenario ? { scenario } : { category, ...(basis && { basis }) };
  const { data, problem, again } = useData(() => api.post(`/api/v1/recipients/${encodeURIComponent(touser)}/check`, { appid, ...asked }), [appid, touser, JSON.stringify(asked), revision]);
  return html`<${Card} title=${t('why.title')} data-part="why"><${Trouble} problem=${problem} again=${again} />${data ? html`<${Verdict} verdict=${data} />` : !problem && html`<${Loading} />`}
    <div class="filter-row"><${Choice} name="scenario" label=${t('word.scenario')} value=${scenario} choose=${choose} options=${[['', t('why.any')], ...scenarios.map((one) => [one.name, one.title])]} />
    ${!scenario && html`<${Choice} name="basis" label=${t('why.basis')} value=${basis} choose=${prove} options=${[['', t('why.any')], ...KINDS.map((kind) => [kind, t(`interaction.${kind}`)])]} />`}</div>
    <p class="hint">${t('why.note')}</p><//>`;
}
