// The rules as they hold for an account and a category: what is the house's, what was changed and where, and changing it.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { t, words } from '../i18n.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, useQuery } from '../router.js';
import { useAccounts } from '../known.js';
import { Badge, Card, Head, Loading, Trouble } from '../ui/basic.js';
import { Picks } from '../ui/picks.js';
import { Edit } from './rules/edit.js';
import { house } from './rules/house.js';
import { RULES, inWords } from './rules/words.js';

words({
  zh: { 'policies.title': '规则', 'policies.note': '发送前检查的规则：默认值是本系统的内部规则，可以按公众号和消息类别修改。', 'policies.all': '全部公众号（默认）', 'policies.category': '消息类别', 'policies.house': '与默认值相同', 'policies.changed': '已修改', 'policies.changed_all': '全部公众号的修改', 'policies.was': '默认：{value}', 'policies.admin': '修改规则需要管理员角色。', 'policies.unknown': '还没有收到过这个公众号用户的互动，触达窗口自动关闭；收到第一次互动后自动启用，也可以在这里指定。', 'policies.words': '词表', 'policies.report': '合规' },
  en: { 'policies.title': 'Rules', 'policies.note': 'What is asked before each send: the house’s rules, changed by account and category of messages.', 'policies.all': 'All accounts (default)', 'policies.category': 'Category', 'policies.house': 'as the house has it', 'policies.changed': 'changed', 'policies.changed_all': 'changed for all accounts', 'policies.was': 'The house has: {value}', 'policies.admin': 'Changing rules takes the role admin.', 'policies.unknown': 'No interaction of this account’s people was told yet, so reach windows are off by themselves; the first one switches them on, or you do here.', 'policies.words': 'Word list', 'policies.report': 'Compliance' },
});

const CATEGORIES = ['service', 'transactional', 'marketing'];
const TONES = { enforce: 'good', observe: 'warn', off: 'calm' };
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Where a value was changed; `general`: what holds for all accounts. */
function Mark({ now, general, first, value }) {
  if (same(now, first)) return null;
  return html`<p class="hint"><${Badge} tone="info">${t(same(now, general) ? 'policies.changed_all' : 'policies.changed')}<//> ${t('policies.was', { value })}</p>`;
}

const modeIn = (mode) => t(`policy.mode_${mode}`);

function Rule({ rule, policies, appid, category, whose, again }) {
  const me = useMe();
  const [query, set] = useQuery();
  const edit = (name) => set({ edit: name }, { replace: true });
  const done = () => {
    edit('');
    again();
  };
  const [section, general, first] = [policies.now[rule], policies.general[rule], policies.house[rule]];
  // Of an account of whose people nothing was told yet, reach is off without anybody's doing.
  const unasked = rule === 'reach' && appid && section.mode === 'off' && general.mode !== 'off';
  const shown = ([key, setting]) => {
    const lines = inWords(key, setting, section[key]);
    return html`<div key=${key} data-setting=${key}><dt>${t(`policy.${key}`)}</dt><dd>${lines.map((line, n) => html`<p key=${n}>${line}</p>`)}<${Mark} now=${section[key]} general=${general[key]} first=${first[key]} value=${inWords(key, setting, first[key]).join('; ')} /></dd></div>`;
  };
  const aside = html`<${Badge} tone=${TONES[section.mode]}>${modeIn(section.mode)}<//>`;
  return html`<${Card} title=${t(`policy.${rule}`)} aside=${aside} data-rule=${rule}><p class="note">${t(`policy.about_${rule}`)}</p>
    ${unasked ? html`<p class="hint">${t('policies.unknown')}</p>` : html`<${Mark} now=${section.mode} general=${general.mode} first=${first.mode} value=${modeIn(first.mode)} />`}
    <dl class="lines">${Object.entries(RULES[rule]).map(shown)}</dl>
    ${same(section, first) && html`<p class="faint">${t('policies.house')}</p>`}
    ${may(me, 'admin') && (query.edit === rule
      ? html`<${Edit} rule=${rule} section=${section} appid=${appid} category=${category} whose=${whose} done=${done} close=${() => edit('')} />`
      : html`<div><button type="button" class="button small" onClick=${() => edit(rule)}>${t('act.edit')}</button></div>`)}<//>`;
}

export default function Rules() {
  const me = useMe();
  const [query] = useQuery();
  const accounts = useAccounts();
  const appid = query.appid || '';
  const category = CATEGORIES.includes(query.category) ? query.category : CATEGORIES[0];
  const { data, problem, again } = useData(async (signal) => {
    const [now, general] = await Promise.all([{ appid, category }, { category }].map((asked) => api.get('/api/v1/policies', asked, signal)));
    return { now: now.policies, general: general.policies, house: house(category), of: `${appid}.${category}` };
  }, [appid, category]);
  const whose = accounts.find((account) => account.appid === appid)?.name || appid || t('policies.all');
  const picks = [{ name: 'appid', label: t('word.account'), options: [['', t('policies.all')], ...accounts.map((account) => [account.appid, account.name])] }, { name: 'category', label: t('policies.category'), options: CATEGORIES.map((word) => [word, t(`category.${word}`)]) }];
  const shown = data?.of === `${appid}.${category}` && data;
  return html`<${Head} title=${t('policies.title')} note=${t('policies.note')}><${Link} class="button" href=${url('/compliance', { appid })}>${t('policies.report')}<//><${Link} class="button" href=${url('/compliance', { tab: 'words', appid })}>${t('policies.words')}<//><//>
    <${Picks} fields=${picks} />${!may(me, 'admin') && html`<p class="warn-text">${t('policies.admin')}</p>`}<${Trouble} problem=${problem} again=${again} />
    ${shown ? html`<div class="columns">${[0, 1].map((side) => html`<div class="stack" key=${side}>${Object.keys(RULES).filter((_, at) => at % 2 === side).map((rule) => html`<${Rule} key=${`${rule}.${data.of}`} rule=${rule} policies=${data} appid=${appid} category=${category} whose=${whose} again=${again} />`)}</div>`)}</div>` : !problem && html`<${Loading} />`}`;
}
