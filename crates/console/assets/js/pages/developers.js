// For programs: keys, a request to copy, the document of the API.
import { html, useState } from '../lib.js';
import { asTime } from '../clock.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { useAccounts, useTemplates } from '../known.js';
import { Badge, Card, Command, Empty, Head, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { ask } from '../ui/confirm.js';
import { Check, Field, FormTrouble, useForm } from '../ui/form.js';
import { Table } from '../ui/table.js';

words({
  zh: {
    'developers.title': '开发者', 'developers.note': '程序用 API 密钥调用；控制台能做的，API 都能做。', 'developers.openapi': 'OpenAPI 文档', 'developers.keys': 'API 密钥', 'developers.none': '还没有 API 密钥', 'developers.none_hint': '创建一个密钥，再用下面的命令发送第一条消息。', 'developers.scopes': '权限', 'developers.scope_send': '发送', 'developers.scope_read': '查询', 'developers.scope_admin': '管理', 'developers.for': '公众号', 'developers.for_all': '全部', 'developers.created': '创建于', 'developers.used': '最近使用', 'developers.expires': '到期',
    'developers.revoke': '吊销', 'developers.revoked': '已吊销', 'developers.revoke_ask': '吊销密钥“{name}”？', 'developers.revoke_text': '使用它的程序会立即无法调用。', 'developers.valid': '有效', 'developers.expired': '已到期', 'developers.create': '创建密钥', 'developers.name_hint': '用在哪里，例如 order-service', 'developers.appids': '只用于公众号', 'developers.until': '到期时间（留空：不到期）', 'developers.shown_once': '密钥只显示这一次，请现在保存', 'developers.curl': '发送一条消息', 'developers.curl_hint': '把 $HONGYAN_KEY 换成你的密钥，OPENID 换成接收者。', 'developers.admin': '密钥由管理员创建和吊销。', 'developers.key': '密钥编号',
  },
  en: {
    'developers.title': 'Developers', 'developers.note': 'Programs call with an API key; whatever the console does, the API does too.', 'developers.openapi': 'OpenAPI document', 'developers.keys': 'API keys', 'developers.none': 'No API keys yet', 'developers.none_hint': 'Create one, and send a first message by the command below.', 'developers.scopes': 'May', 'developers.scope_send': 'send', 'developers.scope_read': 'read', 'developers.scope_admin': 'admin', 'developers.for': 'Accounts', 'developers.for_all': 'all', 'developers.created': 'Created', 'developers.used': 'Last used', 'developers.expires': 'Ends',
    'developers.revoke': 'Revoke', 'developers.revoked': 'revoked', 'developers.revoke_ask': 'Revoke the key “{name}”?', 'developers.revoke_text': 'Programs that use it can call no more, at once.', 'developers.valid': 'valid', 'developers.expired': 'ended', 'developers.create': 'Create a key', 'developers.name_hint': 'Where it is used, like order-service', 'developers.appids': 'For the account only', 'developers.until': 'Ends at (empty: never)', 'developers.shown_once': 'The key is shown only now: keep it', 'developers.curl': 'Send a message', 'developers.curl_hint': 'Put your key for $HONGYAN_KEY, and the recipient for OPENID.', 'developers.admin': 'Keys are created and revoked by an admin.', 'developers.key': 'Key',
  },
});

const SCOPES = ['send', 'read', 'admin'];

function Create({ again, show }) {
  const accounts = useAccounts();
  const form = useForm({ name: '', send: true, read: true, admin: false, appid: '', until: '' }, async ({ name, appid, until, ...may }) => {
    const key = await api.post('/api/v1/keys', { name: name.trim(), scopes: SCOPES.filter((scope) => may[scope]), ...(appid && { appids: [appid] }), expires_at: asTime(until) });
    show(key);
    form.put('name', '');
    again();
  });
  const fault = form.problem?.of?.('scopes');
  return html`<details class="card" data-part="create"><summary><h2>${t('developers.create')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['name', 'scopes', 'appids', 'expires_at']} /></div>
    <${Field} form=${form} name="name" label=${t('word.name')} hint=${t('developers.name_hint')} required />
    <fieldset><legend>${t('developers.scopes')}</legend>${SCOPES.map((scope) => html`<${Check} key=${scope} form=${form} name=${scope} label=${t(`developers.scope_${scope}`)} />`)}${fault && html`<p class="fault">${fault}</p>`}</fieldset>
    <${Field} form=${form} name="appid" at="appids" label=${t('developers.appids')} options=${[['', t('developers.for_all')], ...accounts.map(({ appid, name }) => [appid, name])]} />
    <${Field} form=${form} name="until" at="expires_at" type="datetime-local" label=${t('developers.until')} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('developers.create')}</button></div></form></details>`;
}

function Keys() {
  const { data, problem, again } = useData((signal) => api.get('/api/v1/keys', {}, signal), []);
  const [made, show] = useState(null);
  const revoke = async (key) => {
    if (!(await ask({ title: t('developers.revoke_ask', { name: key.name }), text: t('developers.revoke_text'), yes: t('developers.revoke'), danger: true }))) return;
    await act(() => api.delete(`/api/v1/keys/${key.id}`, {}), t('developers.revoked'));
    again();
  };
  const ended = (key) => key.expires_at && Date.parse(key.expires_at) <= Date.now();
  const columns = [
    { key: 'name', label: t('word.name'), cell: (row) => html`<span><strong>${row.name}</strong><br /><code class="faint">hy_${row.id}…</code></span>` },
    { key: 'state', label: t('word.state'), cell: (row) => html`<${Badge} tone=${row.revoked_at || ended(row) ? 'calm' : 'good'}>${t(row.revoked_at ? 'developers.revoked' : ended(row) ? 'developers.expired' : 'developers.valid')}<//>` },
    { key: 'scopes', label: t('developers.scopes'), cell: (row) => row.scopes.map((scope) => t(`developers.scope_${scope}`)).join(' · ') },
    { key: 'appids', label: t('developers.for'), cell: (row) => (row.appids.length ? row.appids.map((appid) => html`<${Id} key=${appid} value=${appid} short=${10} />`) : t('developers.for_all')) },
    { key: 'last_used_at', label: t('developers.used'), cell: (row) => html`<${Time} at=${row.last_used_at} />` },
    { key: 'expires_at', label: t('developers.expires'), cell: (row) => html`<${Time} at=${row.expires_at} />` },
    { key: 'act', label: t('word.actions'), cell: (row) => !row.revoked_at && html`<button type="button" class="button small" onClick=${() => revoke(row)}>${t('developers.revoke')}</button>` },
  ];
  const empty = html`<${Empty} title=${t('developers.none')}><p>${t('developers.none_hint')}</p><//>`;
  return html`<div class="stack" data-part="keys"><h2>${t('developers.keys')}</h2><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${made && html`<div class="warn-text made" role="status"><strong>${t('developers.shown_once')}</strong><${Command}>${made.key}<//></div>`}
    ${data && html`<${Table} columns=${columns} rows=${data.keys} id=${(row) => row.id} empty=${empty} label=${t('developers.keys')} />`}<${Create} again=${again} show=${show} /></div>`;
}

function Curl() {
  const me = useMe();
  const account = useAccounts()[0];
  const template = Object.values(useTemplates(account?.appid))[0];
  const data = Object.fromEntries((template?.fields || [{ name: 'thing1' }]).map(({ name }) => [name, { value: '…' }]));
  const body = JSON.stringify({ appid: account?.appid || 'APPID', touser: 'OPENID', template_id: template?.template_id || 'TEMPLATE_ID', data });
  return html`<${Card} title=${t('developers.curl')}><p class="note">${t('developers.curl_hint')}</p><${Command}>${`curl ${me.public_url || location.origin}/api/v1/messages \\\n  -H "Authorization: Bearer $HONGYAN_KEY" \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`}<//><//>`;
}

export default function Developers() {
  const me = useMe();
  return html`<${Head} title=${t('developers.title')} note=${t('developers.note')}><a class="button" href="/api/openapi.json" target="_blank" rel="noopener">${t('developers.openapi')}</a><//>
    ${may(me, 'admin') ? html`<${Keys} />` : html`<p class="note">${t('developers.admin')}</p>`}<${Curl} />`;
}
