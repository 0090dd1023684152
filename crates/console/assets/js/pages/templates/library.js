// The templates that the account has: what is in each, who uses it, what can be added and deleted.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { today } from '../../clock.js';
import { listed, number } from '../../format.js';
import { forget, useIndustries } from '../../known.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, go } from '../../router.js';
import { Badge, Empty, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { Table } from '../../ui/table.js';
import { toast } from '../../ui/toast.js';

words({
  zh: {
    'library.used': '已用 {n} / {all} 个', 'library.sync': '从微信同步', 'library.synced': '已同步：新增 {added}，变更 {changed}，删除 {removed}', 'library.same': '已同步，没有变化', 'library.none': '这个公众号还没有模板', 'library.none_hint': '已在微信后台添加过的，点同步取回；也可以按编号从微信模板库添加。', 'library.industry': '行业', 'library.category': '类目模板', 'library.fields': '字段', 'library.version': '版本', 'library.version_n': '第 {n} 版', 'library.scenarios': '使用的场景', 'library.messages': '消息（30 天）', 'library.title_only': '手机上只显示标题',
    'library.add': '从微信模板库添加', 'library.short_id': '模板编号', 'library.short_hint': '微信后台模板库里的编号，如 43216', 'library.keywords': '关键词', 'library.keywords_hint': '按显示顺序，用顿号或逗号分隔；旧模板库（TM 开头）不用填', 'library.added': '已添加，立即可用', 'library.full': '已有 {all} 个，微信不再允许添加：先删除不用的。', 'library.delete_ask': '删除模板“{title}”？', 'library.delete_free': '微信上也会删除，不能恢复；没有场景使用它。', 'library.delete_used': '微信上也会删除，不能恢复。这些场景还在用它，之后会发送失败：{names}', 'library.deleted': '已删除',
  },
  en: {
    'library.used': '{n} of {all} used', 'library.sync': 'Sync from WeChat', 'library.synced': 'Synced: {added} new, {changed} changed, {removed} gone', 'library.same': 'Synced: nothing changed', 'library.none': 'This account has no templates yet', 'library.none_hint': 'Sync what was added in WeChat’s console, or add one of WeChat’s library by its number.', 'library.industry': 'Industry', 'library.category': 'category library', 'library.fields': 'Fields', 'library.version': 'Version', 'library.version_n': 'version {n}', 'library.scenarios': 'Used by', 'library.messages': 'Messages (30 days)', 'library.title_only': 'phones show its title only',
    'library.add': 'Add from WeChat’s library', 'library.short_id': 'Number', 'library.short_hint': 'As in the library of WeChat’s console, like 43216', 'library.keywords': 'Keywords', 'library.keywords_hint': 'In the order they are shown, with commas between; the old library (TM…) needs none', 'library.added': 'Added; it may be used at once', 'library.full': 'There are {all}, and WeChat takes no more: delete one that is not used.', 'library.delete_ask': 'Delete the template “{title}”?', 'library.delete_free': 'It is deleted at WeChat too, for good; no scenario uses it.', 'library.delete_used': 'It is deleted at WeChat too, for good. These scenarios use it and will fail: {names}', 'library.deleted': 'Deleted',
  },
});

/** WeChat's limit. */
const TEMPLATES_MAX = 25;
const DAYS = 30;
const DAY_MS = 86400000;

/** The messages behind `messages_30_days`: days of Shanghai up to today. */
export const recent = (appid, template_id) => url('/messages', { appid, template_id, since: new Date(Date.parse(`${today()}T00:00:00+08:00`) - (DAYS - 1) * DAY_MS).toISOString() });

/** Its two industries; templates of the category library have none. */
export const Industry = ({ template }) => useIndustries()(template.primary_industry, template.deputy_industry) || t('library.category');

/** The scenarios that use a template, each a link. */
export const UsedBy = ({ appid, scenarios }) => (scenarios.length
  ? html`<ul class="words">${scenarios.map(({ name, title }) => html`<li key=${name}><${Link} href=${url(`/scenarios/${name}`, { appid })}>${title}<//></li>`)}</ul>`
  : html`<span class="faint">–</span>`);

/** Asks, naming the scenarios that would fail, and deletes. Gives whether it is gone. */
export async function remove(appid, template, scenarios) {
  const names = listed(scenarios.map(({ title }) => title));
  const text = t(names ? 'library.delete_used' : 'library.delete_free', { names });
  if (!(await ask({ title: t('library.delete_ask', { title: template.title }), text, yes: t('act.delete'), danger: true }))) return false;
  const gone = await act(() => api.delete(url(`/api/v1/accounts/${appid}/templates/${encodeURIComponent(template.template_id)}`, { force: names && 'true' }), {}), t('library.deleted'));
  forget();
  return Boolean(gone);
}

const columns = (appid, using, drop) => [
  { key: 'title', label: t('word.template'), cell: (row) => html`<span><${Link} href=${url(`/templates/${row.template_id}`, { appid })}><strong>${row.title}</strong><//> ${row.shows_title_only && html`<${Badge} tone="warn">${t('library.title_only')}<//>`}<br /><${Id} value=${row.template_id} short=${14} /></span>` },
  { key: 'industry', label: t('library.industry'), cell: (row) => html`<${Industry} template=${row} />` },
  { key: 'fields', label: t('library.fields'), cell: (row) => listed(row.fields.map(({ name, label }) => label || name)) },
  { key: 'version', label: t('library.version'), cell: (row) => html`<span>${t('library.version_n', { n: row.version })}<br /><span class="faint"><${Time} at=${row.since} /></span></span>` },
  { key: 'scenarios', label: t('library.scenarios'), cell: (row) => html`<${UsedBy} appid=${appid} scenarios=${using(row)} />` },
  { key: 'messages', label: t('library.messages'), num: true, cell: (row) => html`<${Link} href=${recent(appid, row.template_id)}>${number(row.messages_30_days)}<//>` },
  ...(drop ? [{ key: 'act', label: t('word.actions'), cell: (row) => html`<button type="button" class="button small" onClick=${() => drop(row)}>${t('act.delete')}</button>` }] : []),
];

function Add({ appid, full }) {
  const form = useForm({ short_id: '', keywords: '' }, async ({ short_id, keywords }) => {
    const wanted = keywords.split(/[\n,，、]+/).map((word) => word.trim()).filter(Boolean);
    const { template_id } = await api.post(`/api/v1/accounts/${appid}/templates`, { short_id: short_id.trim(), keywords: wanted });
    forget();
    toast(t('library.added'), 'good');
    go(url(`/templates/${template_id}`, { appid }));
  });
  return html`<details class="card" data-part="add"><summary><h2>${t('library.add')}</h2></summary>${full ? html`<p class="warn-text">${t('library.full', { all: TEMPLATES_MAX })}</p>` : html`<form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['short_id', 'keywords']} /></div>
    <${Field} form=${form} name="short_id" label=${t('library.short_id')} hint=${t('library.short_hint')} autocomplete="off" required /><${Field} form=${form} name="keywords" label=${t('library.keywords')} hint=${t('library.keywords_hint')} autocomplete="off" />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('library.add')}</button></div></form>`}</details>`;
}

export default function Library({ appid }) {
  const me = useMe();
  const list = useData((signal) => api.get(`/api/v1/accounts/${appid}/templates`, {}, signal), [appid]);
  const scenarios = useData((signal) => api.get('/api/v1/scenarios', { appid }, signal), [appid]);
  const using = (row) => (scenarios.data?.scenarios || []).filter((one) => one.template_id === row.template_id);
  const sync = async () => {
    const changes = await act(() => api.post(`/api/v1/accounts/${appid}/templates/sync`, {}));
    if (!changes) return;
    const counts = Object.fromEntries(['added', 'changed', 'removed'].map((kind) => [kind, changes[kind].length]));
    toast(t(counts.added + counts.changed + counts.removed ? 'library.synced' : 'library.same', counts), 'good');
    forget();
    list.again();
  };
  const drop = async (row) => {
    if (await remove(appid, row, using(row))) list.again();
  };
  const admin = may(me, 'admin');
  const templates = list.data?.templates;
  if (!templates) return list.problem ? html`<${Trouble} problem=${list.problem} again=${list.again} />` : html`<${Loading} />`;
  const button = (tone) => html`<button type="button" class=${`button ${tone}`} onClick=${sync}>${t('library.sync')}</button>`;
  const empty = html`<${Empty} title=${t('library.none')}><p>${t('library.none_hint')}</p>${admin && button('primary')}<//>`;
  const { account } = list.data;
  return html`<div class="stack" data-part="library">${account && html`<p class="warn-text">${said(account.found)} ${said(account.mend)}</p>`}<${Trouble} problem=${scenarios.problem} again=${scenarios.again} />
    ${templates.length > 0 && html`<div class="apart"><div class="gauge"><span>${t('library.used', { n: templates.length, all: TEMPLATES_MAX })}</span><meter min="0" max=${TEMPLATES_MAX} high=${TEMPLATES_MAX - 3} value=${templates.length} aria-label=${t('templates.title')}></meter></div>${admin && button('')}</div>`}
    <${Table} columns=${columns(appid, using, admin && drop)} rows=${templates} id=${(row) => row.template_id} empty=${empty} label=${t('templates.library')} />
    ${admin && html`<${Add} appid=${appid} full=${templates.length >= TEMPLATES_MAX} />`}</div>`;
}
