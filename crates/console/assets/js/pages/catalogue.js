// The catalogue: choose a scenario and a template, look over what comes of it, save.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { said, t, words } from '../i18n.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, go, useQuery } from '../router.js';
import { Badge, Card, Empty, Loading, Trouble } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { Findings } from '../ui/marked.js';
import { AccountPage } from '../ui/place.js';
import { Editor, Faults } from '../ui/scenario.js';

words({
  zh: { 'catalogue.title': '场景目录', 'catalogue.note': '选择场景和模板，系统按字段名称和类型填好，检查后保存。', 'catalogue.choose': '选择', 'catalogue.chosen': '已选', 'catalogue.template': '绑定到模板', 'catalogue.no_templates': '这个公众号还没有模板', 'catalogue.sync': '从微信同步模板', 'catalogue.synced': '已同步', 'catalogue.look': '检查并保存', 'catalogue.guessed': '按类型或相近名称推断的字段，请确认', 'catalogue.open': '还需要你填写', 'catalogue.words': '词表发现', 'catalogue.ready': '字段都已对应，可以保存。', 'catalogue.name': '场景代号', 'catalogue.name_hint': '程序触发时用它', 'catalogue.admin': '保存场景需要管理员角色。' },
  en: { 'catalogue.title': 'Catalogue', 'catalogue.note': 'Choose a scenario and a template; fields are filled by name and type. Look it over and save.', 'catalogue.choose': 'Choose', 'catalogue.chosen': 'chosen', 'catalogue.template': 'Bind to template', 'catalogue.no_templates': 'This account has no templates yet', 'catalogue.sync': 'Sync templates from WeChat', 'catalogue.synced': 'Synced', 'catalogue.look': 'Look it over and save', 'catalogue.guessed': 'Guessed by type or a similar name: please look', 'catalogue.open': 'For you to fill in', 'catalogue.words': 'Found by the word list', 'catalogue.ready': 'Every field has its text: it can be saved.', 'catalogue.name': 'Name for programs', 'catalogue.name_hint': 'Programs trigger it by this', 'catalogue.admin': 'Saving a scenario takes the role admin.' },
});

const titleOf = (entry) => said({ zh: entry.title, en: entry.title_en });

function Look({ appid, entry, templateId }) {
  const from = entry.name;
  const me = useMe();
  const { data, problem, again } = useData(() => api.post(`/api/v1/catalogue/${from}/bind`, { appid, template_id: templateId }), [appid, from, templateId]);
  if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  const save = async (scenario) => {
    await api.put(`/api/v1/scenarios/${encodeURIComponent(scenario.name)}`, { ...scenario, appid });
    go(url(`/scenarios/${scenario.name}`, { appid }));
  };
  return html`<${Card} title=${t('catalogue.look')} data-part="look">
    ${data.open.length > 0 ? html`<div class="warn-text"><strong>${t('catalogue.open')}</strong><${Faults} errors=${data.open} /></div>` : html`<p>${t('catalogue.ready')}</p>`}
    ${data.guessed.length > 0 && html`<p><strong>${t('catalogue.guessed')}</strong> ${data.guessed.map((name) => html`<code key=${name}>${name}</code> `)}</p>`}
    ${data.content.length > 0 && html`<div><strong>${t('catalogue.words')}</strong><${Findings} found=${data.content} /></div>`}
    ${may(me, 'admin') ? html`<${Editor} key=${`${from}.${templateId}`} scenario=${{ ...data.scenario, title: titleOf(entry) }} save=${save} />` : html`<p class="faint">${t('catalogue.admin')}</p>`}<//>`;
}

function Choose({ appid }) {
  const me = useMe();
  const [query, set] = useQuery();
  const list = useData((signal) => api.get('/api/v1/catalogue', {}, signal), []);
  const templates = useData((signal) => api.get(`/api/v1/accounts/${appid}/templates`, {}, signal), [appid]);
  const sync = async () => {
    await act(() => api.post(`/api/v1/accounts/${appid}/templates/sync`, {}), t('catalogue.synced'));
    templates.again();
  };
  const problem = list.problem || templates.problem;
  if (!list.data || !templates.data) return problem ? html`<${Trouble} problem=${problem} again=${list.again} />` : html`<${Loading} />`;
  const known = templates.data.templates;
  if (!known.length) return html`<${Empty} title=${t('catalogue.no_templates')}>${may(me, 'admin') && html`<button type="button" class="button primary" onClick=${sync}>${t('catalogue.sync')}</button>`}<//>`;
  const templateId = query.template_id || known[0].template_id;
  const entry = list.data.scenarios.find(({ name }) => name === query.from);
  return html`<div class="stack"><label class="filter narrow"><span>${t('catalogue.template')}</span><select name="template_id" value=${templateId} onChange=${(event) => set({ template_id: event.target.value })}>${known.map((one) => html`<option key=${one.template_id} value=${one.template_id} selected=${one.template_id === templateId}>${one.title}</option>`)}</select></label>
    <ul class="choices">${list.data.scenarios.map((one) => html`<li key=${one.name} class=${`choice ${one.name === query.from ? 'chosen' : ''}`}><div><strong>${titleOf(one)}</strong> <${Badge}>${t(`category.${one.category}`)}<//><br /><code class="faint">${one.name}</code></div>
      <button type="button" class="button small" aria-pressed=${one.name === query.from} onClick=${() => set({ from: one.name, template_id: templateId })}>${t(one.name === query.from ? 'catalogue.chosen' : 'catalogue.choose')}</button></li>`)}</ul>
    ${entry && html`<${Look} key=${`${entry.name}.${templateId}`} appid=${appid} entry=${entry} templateId=${templateId} />`}</div>`;
}

export default function Catalogue() {
  const acts = ({ appid }) => html`<${Link} class="button" href=${url('/scenarios', { appid })}>${t('act.back')}<//>`;
  return html`<${AccountPage} title=${t('catalogue.title')} note=${t('catalogue.note')} acts=${acts}>${({ appid }) => html`<${Choose} key=${appid} appid=${appid} />`}<//>`;
}
