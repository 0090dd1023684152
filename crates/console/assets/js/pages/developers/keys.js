// API keys: made, shown once, revoked; and a first message by one of them.
import { html, useState } from '../../lib.js';
import { api } from '../../api.js';
import { asTime } from '../../clock.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { useAccounts } from '../../known.js';
import { Badge, Card, Command, Empty, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { SendCurl } from '../../ui/curl.js';
import { Check, Field, FormTrouble, useForm } from '../../ui/form.js';
import { Table } from '../../ui/table.js';

words({
  zh: {
    'keys.keys': 'API 密钥', 'keys.none': '还没有 API 密钥', 'keys.none_hint': '创建一个密钥，再用下面的命令发送第一条消息。', 'keys.scopes': '权限', 'keys.scope_send': '发送', 'keys.scope_read': '查询', 'keys.scope_admin': '管理', 'keys.for': '公众号', 'keys.for_all': '全部', 'keys.created': '创建于', 'keys.used': '最近使用', 'keys.expires': '到期',
    'keys.revoke': '吊销', 'keys.revoked': '已吊销', 'keys.revoke_ask': '吊销密钥“{name}”？', 'keys.revoke_text': '使用它的程序会立即无法调用。', 'keys.valid': '有效', 'keys.expired': '已到期', 'keys.create': '创建密钥', 'keys.name_hint': '用在哪里，例如 order-service', 'keys.appids': '只用于公众号', 'keys.until': '到期时间（留空：不到期）', 'keys.shown_once': '密钥只显示这一次，请现在保存', 'keys.curl': '发送一条消息', 'keys.curl_hint': '把 $HONGYAN_KEY 换成你的密钥，OPENID 换成接收者。', 'keys.curl_filled': '已填入刚创建的密钥；把 OPENID 换成接收者。', 'keys.admin': '密钥由管理员创建和吊销。', 'keys.key': '密钥编号',
  },
  en: {
    'keys.keys': 'API keys', 'keys.none': 'No API keys yet', 'keys.none_hint': 'Create one, and send a first message by the command below.', 'keys.scopes': 'May', 'keys.scope_send': 'send', 'keys.scope_read': 'read', 'keys.scope_admin': 'admin', 'keys.for': 'Accounts', 'keys.for_all': 'all', 'keys.created': 'Created', 'keys.used': 'Last used', 'keys.expires': 'Ends',
    'keys.revoke': 'Revoke', 'keys.revoked': 'revoked', 'keys.revoke_ask': 'Revoke the key “{name}”?', 'keys.revoke_text': 'Programs that use it can call no more, at once.', 'keys.valid': 'valid', 'keys.expired': 'ended', 'keys.create': 'Create a key', 'keys.name_hint': 'Where it is used, like order-service', 'keys.appids': 'For the account only', 'keys.until': 'Ends at (empty: never)', 'keys.shown_once': 'The key is shown only now: keep it', 'keys.curl': 'Send a message', 'keys.curl_hint': 'Put your key for $HONGYAN_KEY, and the recipient for OPENID.', 'keys.curl_filled': 'The key just made is in it; put the recipient for OPENID.', 'keys.admin': 'Keys are created and revoked by an admin.', 'keys.key': 'Key',
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
  return html`<details class="card" data-part="create"><summary><h2>${t('keys.create')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['name', 'scopes', 'appids', 'expires_at']} /></div>
    <${Field} form=${form} name="name" label=${t('word.name')} hint=${t('keys.name_hint')} required />
    <fieldset><legend>${t('keys.scopes')}</legend>${SCOPES.map((scope) => html`<${Check} key=${scope} form=${form} name=${scope} label=${t(`keys.scope_${scope}`)} />`)}${fault && html`<p class="fault">${fault}</p>`}</fieldset>
    <${Field} form=${form} name="appid" at="appids" label=${t('keys.appids')} options=${[['', t('keys.for_all')], ...accounts.map(({ appid, name }) => [appid, name])]} />
    <${Field} form=${form} name="until" at="expires_at" type="datetime-local" label=${t('keys.until')} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('keys.create')}</button></div></form></details>`;
}

function List({ made, show }) {
  const { data, problem, again } = useData((signal) => api.get('/api/v1/keys', {}, signal), []);
  const revoke = async (key) => {
    if (!(await ask({ title: t('keys.revoke_ask', { name: key.name }), text: t('keys.revoke_text'), yes: t('keys.revoke'), danger: true }))) return;
    await act(() => api.delete(`/api/v1/keys/${key.id}`, {}), t('keys.revoked'));
    again();
  };
  const ended = (key) => key.expires_at && Date.parse(key.expires_at) <= Date.now();
  const columns = [
    { key: 'name', label: t('word.name'), cell: (row) => html`<span><strong>${row.name}</strong><br /><code class="faint">hy_${row.id}…</code></span>` },
    { key: 'state', label: t('word.state'), cell: (row) => html`<${Badge} tone=${row.revoked_at || ended(row) ? 'calm' : 'good'}>${t(row.revoked_at ? 'keys.revoked' : ended(row) ? 'keys.expired' : 'keys.valid')}<//>` },
    { key: 'scopes', label: t('keys.scopes'), cell: (row) => row.scopes.map((scope) => t(`keys.scope_${scope}`)).join(' · ') },
    { key: 'appids', label: t('keys.for'), cell: (row) => (row.appids.length ? row.appids.map((appid) => html`<${Id} key=${appid} value=${appid} short=${10} />`) : t('keys.for_all')) },
    { key: 'last_used_at', label: t('keys.used'), cell: (row) => html`<${Time} at=${row.last_used_at} />` },
    { key: 'expires_at', label: t('keys.expires'), cell: (row) => html`<${Time} at=${row.expires_at} />` },
    { key: 'act', label: t('word.actions'), cell: (row) => !row.revoked_at && html`<button type="button" class="button small" onClick=${() => revoke(row)}>${t('keys.revoke')}</button>` },
  ];
  const empty = html`<${Empty} title=${t('keys.none')}><p>${t('keys.none_hint')}</p><//>`;
  return html`<div class="stack" data-part="keys"><h2>${t('keys.keys')}</h2><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${made && html`<div class="warn-text made" role="status"><strong>${t('keys.shown_once')}</strong><${Command}>${made.key}<//></div>`}
    ${data && html`<${Table} columns=${columns} rows=${data.keys} id=${(row) => row.id} empty=${empty} label=${t('keys.keys')} />`}<${Create} again=${again} show=${show} /></div>`;
}

export default function Keys() {
  const me = useMe();
  const accounts = useAccounts();
  const [made, show] = useState(null);
  // A key may be for some accounts only.
  const account = accounts.find(({ appid }) => made?.appids.includes(appid)) || accounts[0];
  const sends = made?.scopes.includes('send');
  return html`<div class="stack">${may(me, 'admin') ? html`<${List} made=${made} show=${show} />` : html`<p class="note">${t('keys.admin')}</p>`}
    <${Card} title=${t('keys.curl')} data-part="curl"><p class="note">${t(sends ? 'keys.curl_filled' : 'keys.curl_hint')}</p><${SendCurl} account=${account} keyText=${sends ? made.key : undefined} /><//></div>`;
}
