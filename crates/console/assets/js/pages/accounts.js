// Accounts: each with how it stands right now.
import { html } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { number } from '../format.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, useQuery } from '../router.js';
import { Badge, Empty, Head, Id, cause } from '../ui/basic.js';
import { PagedTable } from '../ui/table.js';

words({
  zh: {
    'accounts.title': '公众号', 'accounts.add': '接入公众号', 'accounts.sending': '正常发送', 'accounts.ordered': '已暂停', 'accounts.held': '等待：{cause}', 'accounts.no_token': '无令牌', 'accounts.queue': '排队 / 投递中', 'accounts.rate': '速率上限', 'accounts.unlimited': '不限',
    'accounts.per_s': '{n} 条/秒', 'accounts.callback': '回调', 'accounts.set': '已配置', 'accounts.unset': '未配置', 'accounts.limits': '每日额度', 'accounts.empty_hint': '接入后就能同步模板、发送测试消息。',
    'accounts.kind_service': '服务号', 'accounts.kind_subscription': '订阅号', 'accounts.kind_test': '测试号', 'accounts.kind': '类型', 'accounts.unverified': '未认证',
  },
  en: {
    'accounts.title': 'Accounts', 'accounts.add': 'Connect an account', 'accounts.sending': 'sending', 'accounts.ordered': 'paused', 'accounts.held': 'waits: {cause}', 'accounts.no_token': 'no token', 'accounts.queue': 'Queue / in flight', 'accounts.rate': 'Rate limit', 'accounts.unlimited': 'none',
    'accounts.per_s': '{n}/s', 'accounts.callback': 'Callback', 'accounts.set': 'set', 'accounts.unset': 'not set', 'accounts.limits': 'Sends a day', 'accounts.empty_hint': 'Then its templates are synced and a test message can go.',
    'accounts.kind_service': 'service', 'accounts.kind_subscription': 'subscription', 'accounts.kind_test': 'test', 'accounts.kind': 'Kind', 'accounts.unverified': 'not verified',
  },
});

const LIVE_MS = 5000;

/** How an account stands, in one word. */
export function Standing({ live }) {
  if (live.pause?.cause === 'ordered') return html`<${Badge} tone="warn">${t('accounts.ordered')}<//>`;
  if (live.pause) return html`<${Badge} tone="bad">${t('accounts.held', { cause: cause(live.pause.cause) })}<//>`;
  if (live.token.trouble) return html`<${Badge} tone="bad">${t('accounts.no_token')}<//>`;
  return html`<${Badge} tone="good">${t('accounts.sending')}<//>`;
}

const columns = () => [
  { key: 'name', label: t('word.account'), cell: (row) => html`<span><${Link} href=${`/accounts/${row.appid}`}><strong>${row.name}</strong><//><br /><${Id} value=${row.appid} /></span>` },
  { key: 'state', label: t('word.state'), cell: (row) => html`<${Standing} live=${row.live} />` },
  { key: 'kind', label: t('accounts.kind'), cell: (row) => html`<span>${t(`accounts.kind_${row.kind}`)} ${!row.verified && html`<${Badge} tone="warn">${t('accounts.unverified')}<//>`}</span>` },
  { key: 'queue', label: t('accounts.queue'), num: true, cell: (row) => html`<${Link} href=${`/messages?appid=${row.appid}&state=pending`}>${number(row.live.held)} / ${number(row.live.in_flight)}<//>` },
  { key: 'rate', label: t('accounts.rate'), num: true, cell: (row) => (row.live.rate_per_s ? t('accounts.per_s', { n: number(row.live.rate_per_s) }) : t('accounts.unlimited')) },
  { key: 'daily', label: t('accounts.limits'), num: true, cell: (row) => number(row.limits.daily) },
  { key: 'callback', label: t('accounts.callback'), cell: (row) => html`<${Badge} tone=${row.callback ? 'calm' : 'warn'}>${t(row.callback ? 'accounts.set' : 'accounts.unset')}<//>` },
];

export default function Accounts() {
  const me = useMe();
  const [query] = useQuery();
  const page = useData((signal) => api.get('/api/v1/accounts', { limit: 50, cursor: query.cursor }, signal), [query.cursor], LIVE_MS);
  const add = may(me, 'admin') && html`<${Link} class="button primary" href="/start?appid=new">${t('accounts.add')}<//>`;
  const empty = html`<${Empty} title=${t('place.no_account')}><p>${t('accounts.empty_hint')}</p>${add}<//>`;
  return html`<${Head} title=${t('accounts.title')}>${page.data?.accounts.length > 0 && add}<//>
    <${PagedTable} page=${page} of=${(data) => data.accounts} columns=${columns()} id=${(row) => row.appid} empty=${empty} label=${t('accounts.title')} />`;
}
