// Outgoing webhooks: which systems are told what became of messages, and whether they listen.
import { html, useState } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { ago, listed, number } from '../format.js';
import { useAccounts } from '../known.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link } from '../router.js';
import { Badge, Command, Empty, Head, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { Check, Field, FormTrouble, useForm } from '../ui/form.js';
import { Table } from '../ui/table.js';
import { toast } from '../ui/toast.js';

words({
  zh: {
    'webhooks.title': '业务回调', 'webhooks.note': '消息有最终结果时，把结果推送给你的业务系统；签名按 Standard Webhooks。', 'webhooks.host': '接收方', 'webhooks.of': '推送哪些', 'webhooks.all': '全部消息的最终结果', 'webhooks.scenarios_n': '场景 {names}', 'webhooks.accounts_n': '{n} 个公众号', 'webhooks.with_openid': '含 openid', 'webhooks.created': '创建于', 'webhooks.fine': '正常', 'webhooks.off': '已停用', 'webhooks.failing': '连续失败 {n} 次', 'webhooks.next': '下次重试', 'webhooks.none': '还没有业务回调', 'webhooks.none_hint': '业务系统可以在这里登记一个地址，每条消息的最终结果会推送过去；也可以用 API 查询。', 'webhooks.none_of': '在下面登记业务系统的地址，{names} 的每条消息有了最终结果，就会推送过去；也可以用 API 查询。', 'webhooks.admin': '业务回调由管理员登记和查看。',
    'webhooks.make': '登记业务回调', 'webhooks.name_hint': '哪个系统，如 订单中心', 'webhooks.url': '接收地址', 'webhooks.url_hint': 'https 开头；地址必须在公网，内网地址由运维在配置里放行', 'webhooks.states': '哪些结果（都不选：全部）', 'webhooks.appids': '哪些公众号（appid，逗号分隔；留空：全部）', 'webhooks.scenarios': '哪些场景（代号，逗号分隔；留空：全部）', 'webhooks.openid': '推送内容里带 openid（接收方需按个人信息保管）', 'webhooks.made': '已登记', 'webhooks.shown_once': '签名密钥只显示这一次，请现在保存到接收方',
  },
  en: {
    'webhooks.title': 'Webhooks', 'webhooks.note': 'Your systems are told when a message has its final state; signed as Standard Webhooks.', 'webhooks.host': 'Receiver', 'webhooks.of': 'Receives', 'webhooks.all': 'every final state', 'webhooks.scenarios_n': 'scenarios {names}', 'webhooks.accounts_n': '{n} accounts', 'webhooks.with_openid': 'with openid', 'webhooks.created': 'Created', 'webhooks.fine': 'fine', 'webhooks.off': 'off', 'webhooks.failing': '{n} failures in a row', 'webhooks.next': 'next try', 'webhooks.none': 'There is no webhook yet', 'webhooks.none_hint': 'Enter the address of a system, and it is told the final state of each message; or ask the API.', 'webhooks.none_of': 'Enter the address of your system below, and it is told the final state of each message of {names}; or ask the API.', 'webhooks.admin': 'Webhooks are made and seen by an admin.',
    'webhooks.make': 'New webhook', 'webhooks.name_hint': 'Which system, like order-centre', 'webhooks.url': 'Address', 'webhooks.url_hint': 'Begins with https; on the open internet (your own network is opened in the settings)', 'webhooks.states': 'Which states (none chosen: all)', 'webhooks.appids': 'Which accounts (appids, commas between; empty: all)', 'webhooks.scenarios': 'Which scenarios (names, commas between; empty: all)', 'webhooks.openid': 'Tell the openid too (the receiver has to keep it as personal data)', 'webhooks.made': 'Made', 'webhooks.shown_once': 'The signing secret is shown only now: give it to the receiver',
  },
});

const LIVE_MS = 10000;
/** Accounts that are named where there is no webhook yet. */
const NAMED = 3;
export const FINAL = ['delivered', 'failed', 'suppressed', 'unknown', 'cancelled'];

const list = (text) => text.split(/[\s,，、]+/).filter(Boolean);

/** What a form of a webhook holds, of one that is there or a new one. */
export const valuesOf = (webhook) => ({
  name: webhook?.name || '', url: '', appids: webhook?.appids.join(', ') || '', scenarios: webhook?.scenarios.join(', ') || '', with_openid: webhook?.with_openid || false,
  ...Object.fromEntries(FINAL.map((state) => [state, webhook?.states.includes(state) || false])),
});

/** The request of it; an address left empty stays as it is. */
export const requestOf = ({ name, url: address, appids, scenarios, with_openid, ...values }) => ({
  name: name.trim(), ...(address.trim() && { url: address.trim() }), states: FINAL.filter((state) => values[state]), appids: list(appids), scenarios: list(scenarios), with_openid,
});

/** The fields of a webhook; `stays`: what is said of an address that is there already. */
export function WebhookFields({ form, stays }) {
  const fault = form.problem?.of?.('states');
  return html`<div><${FormTrouble} form=${form} fields=${['name', 'url', 'states', 'appids', 'scenarios']} /></div>
    <${Field} form=${form} name="name" label=${t('word.name')} hint=${t('webhooks.name_hint')} required /><${Field} form=${form} name="url" label=${t('webhooks.url')} hint=${stays || t('webhooks.url_hint')} autocomplete="off" required=${!stays} />
    <fieldset><legend>${t('webhooks.states')}</legend>${FINAL.map((state) => html`<${Check} key=${state} form=${form} name=${state} label=${t(`state.${state}`)} />`)}${fault && html`<p class="fault">${fault}</p>`}</fieldset><div class="field"><span class="label-space" /><${Check} form=${form} name="with_openid" label=${t('webhooks.openid')} /></div>
    <${Field} form=${form} name="appids" label=${t('webhooks.appids')} autocomplete="off" /><${Field} form=${form} name="scenarios" label=${t('webhooks.scenarios')} autocomplete="off" />`;
}

/** Whether it listens. */
export function Listening({ webhook }) {
  if (!webhook.enabled) return html`<span><${Badge} tone=${webhook.disabled_because ? 'bad' : 'calm'}>${t('webhooks.off')}<//> <span class="faint">${webhook.disabled_because}</span></span>`;
  if (!webhook.failures) return html`<${Badge} tone="good">${t('webhooks.fine')}<//>`;
  return html`<span><${Badge} tone="bad">${t('webhooks.failing', { n: number(webhook.failures) })}<//> <span class="faint">${ago(webhook.failing_since)} · ${t('webhooks.next')} <${Time} at=${webhook.next_at} /></span></span>`;
}

/** Of which messages it is told. */
export function told(webhook) {
  const parts = [
    listed(webhook.states.map((state) => t(`state.${state}`))), webhook.scenarios.length > 0 && t('webhooks.scenarios_n', { names: listed(webhook.scenarios) }),
    webhook.appids.length > 0 && t('webhooks.accounts_n', { n: webhook.appids.length }),
  ].filter(Boolean);
  return [parts.join(' · ') || t('webhooks.all'), webhook.with_openid && t('webhooks.with_openid')].filter(Boolean).join(' · ');
}

function Make({ again, show, first }) {
  const form = useForm(valuesOf(), async (values) => {
    show(await api.post('/api/v1/webhooks', { url: '', ...requestOf(values) }));
    Object.entries(valuesOf()).forEach(([name, value]) => form.put(name, value));
    toast(t('webhooks.made'), 'good');
    again();
  });
  return html`<details class="card" data-part="make" open=${first}><summary><h2>${t('webhooks.make')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><${WebhookFields} form=${form} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('webhooks.make')}</button></div></form></details>`;
}

function List() {
  const [made, show] = useState(null);
  const { data, problem, again } = useData((signal) => api.get('/api/v1/webhooks', {}, signal), [], LIVE_MS);
  const columns = [
    { key: 'name', label: t('word.name'), cell: (row) => html`<span><${Link} href=${`/webhooks/${row.id}`}><strong>${row.name}</strong><//><br /><${Id} value=${row.id} /></span>` },
    { key: 'host', label: t('webhooks.host'), cell: (row) => html`<code>${row.host}</code>` },
    { key: 'told', label: t('webhooks.of'), cell: told },
    { key: 'state', label: t('word.state'), cell: (row) => html`<${Listening} webhook=${row} />` },
    { key: 'created_at', label: t('webhooks.created'), cell: (row) => html`<${Time} at=${row.created_at} />` },
  ];
  const names = listed(useAccounts().slice(0, NAMED).map(({ name }) => name));
  const empty = html`<${Empty} title=${t('webhooks.none')}><p>${names ? t('webhooks.none_of', { names }) : t('webhooks.none_hint')}</p><//>`;
  return html`<${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${made && html`<div class="warn-text made" role="status"><strong>${t('webhooks.shown_once')}</strong><${Command}>${made.secret}<//></div>`}
    ${data && html`<${Table} columns=${columns} rows=${data.webhooks} id=${(row) => row.id} empty=${empty} label=${t('webhooks.title')} />`}${data && html`<${Make} again=${again} show=${show} first=${!data.webhooks.length} />`}`;
}

export default function Webhooks() {
  const me = useMe();
  return html`<${Head} title=${t('webhooks.title')} note=${t('webhooks.note')} />${may(me, 'admin') ? html`<${List} />` : html`<${Empty} title=${t('webhooks.admin')} />`}`;
}
