// What keys asked lately: which call, what was answered, how fast; no content and nobody's openid.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { number } from '../../format.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, useQuery } from '../../router.js';
import { Badge, Command, Empty, Id, Time } from '../../ui/basic.js';
import { curl } from '../../ui/curl.js';
import { Filters, PagedTable } from '../../ui/table.js';

words({
  zh: { 'requests.note': '每个密钥最近的 200 次调用，重启后从头记（自 {since}）。不含内容、openid 和密钥。', 'requests.key': '密钥', 'requests.call': '接口', 'requests.status': '状态', 'requests.code': '错误代码', 'requests.took': '用时', 'requests.id': '请求编号', 'requests.failed': '4xx 出错', 'requests.broken': '5xx 服务故障', 'requests.done': '2xx 成功', 'requests.none': '还没有调用', 'requests.none_hint': '用密钥调用一次，这里就会出现：', 'requests.other': '没有符合条件的调用', 'requests.all': '看全部', 'requests.admin': '调用记录由可管理全部公众号的管理员查看。' },
  en: { 'requests.note': 'The last 200 calls of each key, from the last start on (since {since}). No content, no openid, no key.', 'requests.key': 'Key', 'requests.call': 'Call', 'requests.status': 'Status', 'requests.code': 'Error code', 'requests.took': 'Took', 'requests.id': 'Request', 'requests.failed': '4xx refused', 'requests.broken': '5xx failed', 'requests.done': '2xx done', 'requests.none': 'Nothing was asked yet', 'requests.none_hint': 'Call once by a key, and it stands here:', 'requests.other': 'No call fits', 'requests.all': 'Show all', 'requests.admin': 'What keys ask is seen by admins of all accounts.' },
});

const LIVE_MS = 5000;
const toneOf = (status) => (status < 400 ? 'good' : status < 500 ? 'warn' : 'bad');

const columns = () => [
  { key: 'at', label: t('word.time'), cell: (row) => html`<${Time} at=${row.at} />` },
  { key: 'call', label: t('requests.call'), cell: (row) => html`<${Link} href=${url('/developers', { tab: 'api', op: `${row.method} ${row.route}` })}><code>${row.method} ${row.route}</code><//>` },
  { key: 'status', label: t('requests.status'), cell: (row) => html`<span><${Badge} tone=${toneOf(row.status)}>${row.status}<//> ${row.code && html`<code>${row.code}</code>`}</span>` },
  { key: 'took_ms', label: t('requests.took'), num: true, cell: (row) => t('time.ms', { n: number(row.took_ms) }) },
  { key: 'key', label: t('requests.key'), cell: (row) => html`<${Link} href=${url('/developers', { tab: 'requests', key: row.key })}>${row.key_name}<//>` },
  { key: 'id', label: t('requests.id'), cell: (row) => html`<${Id} value=${row.id} short=${14} />` },
];

function Nothing() {
  const me = useMe();
  const [query, set] = useQuery();
  const asked = ['key', 'status', 'code'].some((name) => query[name]);
  if (asked) return html`<${Empty} title=${t('requests.other')}><button type="button" class="button" onClick=${() => set({ key: '', status: '', code: '' })}>${t('requests.all')}</button><//>`;
  return html`<${Empty} title=${t('requests.none')}><p>${t('requests.none_hint')}</p><div class="code-start"><${Command}>${curl({ base: me.public_url || location.origin, method: 'GET', path: '/api/v1/accounts' })}<//></div><//>`;
}

function List() {
  const [{ key, status, code, cursor }] = useQuery();
  const page = useData((signal) => api.get('/api/v1/requests', { key, status, code, cursor, limit: 50 }, signal), [key, status, code, cursor], cursor ? 0 : LIVE_MS);
  const keys = useData((signal) => api.get('/api/v1/keys', {}, signal), []).data?.keys || [];
  const fields = [
    { name: 'key', label: t('requests.key'), options: keys.map(({ id, name }) => [id, name]) }, { name: 'status', label: t('requests.status'), options: [['2xx', t('requests.done')], ['4xx', t('requests.failed')], ['5xx', t('requests.broken')]] },
    { name: 'code', label: t('requests.code') },
  ];
  const [before, after] = t('requests.note').split('{since}');
  return html`<div class="stack names" data-part="requests">${page.data && html`<p class="note">${before}<${Time} at=${page.data.since} />${after}</p>`}<${Filters} fields=${fields} />
    <${PagedTable} page=${page} of=${(data) => data.requests} columns=${columns()} id=${(row) => row.id} label=${t('requests.call')} empty=${html`<${Nothing} />`} /></div>`;
}

export default function Requests() {
  const me = useMe();
  return may(me, 'admin') && !me.appids.length ? html`<${List} />` : html`<${Empty} title=${t('requests.admin')} />`;
}
