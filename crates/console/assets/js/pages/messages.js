// Messages: every filter of GET /api/v1/messages, in the address.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { t, words, wordsOf } from '../i18n.js';
import { useData } from '../live.js';
import { Link, useQuery } from '../router.js';
import { Empty, Head, Id, Loading, State, Time, cause } from '../ui/basic.js';
import { SendCurl } from '../ui/curl.js';
import { Filters, PagedTable } from '../ui/table.js';
import { ASKED, useAccounts, useTemplates, useTemplatesOf } from '../known.js';

words({
  zh: {
    'messages.title': '消息', 'messages.accepted': '受理时间', 'messages.none': '没有符合条件的消息', 'messages.all': '看全部消息', 'messages.first': '{name} 还没有消息', 'messages.first_hint': '发一条测试消息给自己，或让程序这样发送：', 'messages.no_account_hint': '接入后，每条消息和它的经过都会列在这里。', 'messages.test': '发送测试消息',
    'messages.goes_on': '这一页里没有，后面还有：点“下一页”继续查找。',
  },
  en: {
    'messages.title': 'Messages', 'messages.accepted': 'Accepted', 'messages.none': 'No message fits', 'messages.all': 'Show all messages', 'messages.first': '{name} has no messages yet', 'messages.first_hint': 'Send a test to yourself, or let a program send like this:', 'messages.no_account_hint': 'Once there is one, every message and what became of it stands here.', 'messages.test': 'Send a test message',
    'messages.goes_on': 'None on this page; there is more: go on with the next page.',
  },
});

const STATES = ['pending', 'claimed', 'sent', 'delivered', 'failed', 'suppressed', 'unknown', 'cancelled'];

/** Choices, and whatever else the address names: a template that is gone still has its messages. */
const choices = (known, given) => (!given || known.some(([value]) => value === given) ? known : [...known, [given, given]]);

const causes = () => wordsOf('cause').map((word) => [word, cause(word)]).sort(([, a], [, b]) => a.localeCompare(b));

/** `templates`: of the account that is looked at; of several at once there is no choice. */
const fields = (accounts, templates, query) => [
  ...(accounts.length > 1 ? [{ name: 'appid', label: t('word.account'), options: accounts.map(({ appid, name }) => [appid, name]) }] : []),
  { name: 'state', label: t('word.state'), options: STATES.map((state) => [state, t(`state.${state}`)]) },
  { name: 'touser', label: t('word.recipient') },
  { name: 'client_msg_id', label: t('word.client_msg_id') },
  { name: 'msgid', label: t('word.msgid'), more: true },
  { name: 'template_id', label: t('word.template'), more: true, ...(templates.length > 0 && { options: choices(templates.map(({ template_id: id, title }) => [id, title]), query.template_id) }) },
  { name: 'scenario', label: t('word.scenario'), more: true },
  { name: 'lane', label: t('word.lane'), options: ['urgent', 'normal', 'bulk'].map((lane) => [lane, t(`lane.${lane}`)]), more: true },
  { name: 'cause', label: t('word.cause'), more: true, options: choices(causes(), query.cause) },
  { name: 'errcode', label: t('word.errcode'), more: true },
  { name: 'since', label: t('word.since'), type: 'datetime-local', more: true },
  { name: 'until', label: t('word.until'), type: 'datetime-local', more: true },
];

const columns = (title) => [
  { key: 'accepted_at', label: t('messages.accepted'), cell: (row) => html`<${Link} href=${`/messages/${row.id}`}><${Time} at=${row.accepted_at} /><//>` },
  { key: 'state', label: t('word.state'), cell: (row) => html`<span><${State} state=${row.state} /> <span class="faint">${cause(row.cause)}</span></span>` },
  { key: 'template_id', label: t('word.template'), cell: (row) => html`<span>${title(row)}</span>` },
  { key: 'touser', label: t('word.recipient'), cell: (row) => html`<${Id} value=${row.touser} short=${12} />` },
  { key: 'client_msg_id', label: t('word.client_msg_id'), cell: (row) => html`<${Id} value=${row.client_msg_id} short=${24} />` },
  { key: 'lane', label: t('word.lane'), cell: (row) => t(`lane.${row.lane}`) },
];

/** Why there is none, and what to do about it. */
function Nothing({ goesOn, accounts }) {
  const [query, set] = useQuery();
  const asked = Object.keys(query).filter((name) => name !== 'cursor');
  if (goesOn) return html`<${Empty} title=${t('messages.goes_on')} />`;
  if (accounts === ASKED) return html`<${Loading} />`;
  if (!accounts.length) return html`<${Empty} title=${t('place.no_account')}><p>${t('messages.no_account_hint')}</p><${Link} class="button primary" href="/start">${t('place.connect')}<//><//>`;
  const all = () => set(Object.fromEntries(asked.map((name) => [name, ''])));
  if (asked.length) return html`<${Empty} title=${t('messages.none')}><button type="button" class="button" onClick=${all}>${t('messages.all')}</button><//>`;
  const [account] = accounts;
  return html`<${Empty} title=${t('messages.first', { name: account.name })}><p>${t('messages.first_hint')}</p><${Link} class="button primary" href=${url('/start', { appid: account.appid })}>${t('messages.test')}<//><div class="code-start"><${SendCurl} account=${account} /></div><//>`;
}

export default function Messages() {
  const [query] = useQuery();
  const accounts = useAccounts();
  const own = useTemplates(query.appid || (accounts.length === 1 && accounts[0].appid));
  const page = useData((signal) => api.get('/api/v1/messages', { limit: 50, ...query }, signal), [JSON.stringify(query)]);
  // A page of messages is of a few accounts.
  const templates = useTemplatesOf((page.data?.messages || []).map(({ appid }) => appid));
  const title = (row) => templates[row.template_id]?.title || row.template_id;
  const goesOn = Boolean(page.data?.next_cursor);
  const empty = html`<${Nothing} goesOn=${goesOn} accounts=${accounts} />`;
  return html`<${Head} title=${t('messages.title')} /><${Filters} fields=${fields(accounts, Object.values(own), query)} />
    <${PagedTable} page=${page} of=${(data) => data.messages} columns=${columns(title)} id=${(row) => row.id} empty=${empty} label=${t('messages.title')} />`;
}
