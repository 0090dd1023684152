// Whether a message would go to this person now, and why not: asked at once, and again with every choice.
import { html, useState } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { Card, Loading, Trouble } from '../../ui/basic.js';
import { Verdict } from '../../ui/verdict.js';

words({
  zh: { 'why.title': '现在能发吗？', 'why.any': '不指定', 'why.basis': '消息证明的互动', 'why.note': '按现在的规则判断，不发送，也不计数。' },
  en: { 'why.title': 'Would a message go now?', 'why.any': 'none in particular', 'why.basis': 'Proven by the message', 'why.note': 'Judged by the rules as they are now; nothing is sent or counted.' },
});

const KINDS = ['payment', 'menu_click', 'message', 'scan_subscribe'];

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
