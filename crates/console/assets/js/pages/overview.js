// How everything stands now: what is wrong, how far today's messages came, each account, rates over time. Live.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { t, words } from '../i18n.js';
import { today } from '../clock.js';
import { number, percent } from '../format.js';
import { useData, useLive } from '../live.js';
import { useAccounts } from '../known.js';
import { Link, useQuery } from '../router.js';
import { Badge, Card, Empty, Head, Loading, Trouble } from '../ui/basic.js';
import { Picks } from '../ui/picks.js';
import Accounts, { isWrong } from './overview/accounts.js';
import { Alerts, Causes, Errcodes } from './overview/wrong.js';
import Charts from './overview/charts.js';
import Funnel from './overview/funnel.js';

words({
  zh: {
    'overview.title': '实时看板', 'overview.now': '现在', 'overview.rate': '每秒发送', 'overview.waiting': '排队中', 'overview.success': '今日送达率', 'overview.on_time': '今日准点率', 'overview.alerts': '触发的告警', 'overview.wrong': '异常公众号',
    'overview.empty': '还没有公众号', 'overview.empty_hint': '先接入一个公众号，或用模拟器试一试。', 'overview.connect': '接入公众号', 'overview.all': '全部公众号',
  },
  en: {
    'overview.title': 'Overview', 'overview.now': 'Now', 'overview.rate': 'sends a second', 'overview.waiting': 'waiting', 'overview.success': 'delivered today', 'overview.on_time': 'on time today', 'overview.alerts': 'open alerts', 'overview.wrong': 'accounts in trouble',
    'overview.empty': 'There is no account yet', 'overview.empty_hint': 'Connect one, or try the simulator.', 'overview.connect': 'Connect an account', 'overview.all': 'All accounts',
  },
});

const LIVE_MS = 5000;

/** Sends in the last second where the live stream tells, else the mean of five minutes. */
function rateOf(overview, snapshot, appid) {
  if (!snapshot) return overview.sent_per_s;
  return snapshot.accounts.filter((account) => !appid || account.appid === appid).reduce((sum, { rate_per_s: rate }) => sum + rate, 0);
}

function Now({ overview, snapshot, appid }) {
  const wrong = overview.accounts.filter(isWrong).length;
  const since = `${today()}T00:00:00+08:00`;
  const figures = [
    ['rate', number(rateOf(overview, snapshot, appid)), url('/analytics', { appid, metric: 'sent', range: '1h' })],
    ['waiting', number(overview.waiting), url('/queue', { appid })],
    ['success', percent(overview.success_rate), url('/messages', { appid, since, state: 'failed' })],
    ['on_time', percent(overview.on_time_rate), url('/scenarios', { appid })],
    ['alerts', number(overview.alerts.length), url('/alerts', { appid, state: 'firing' }), overview.alerts.length > 0],
    ['wrong', number(wrong), '/queue', wrong > 0],
  ];
  return html`<${Card} title=${t('overview.now')} data-part="now"><div class="figures">${figures.map(([name, value, href, bad]) => html`<${Link} key=${name} class=${`figure ${bad ? 'bad' : ''}`} href=${href} data-figure=${name}><span class="figure-value">${value}</span><span class="figure-label">${t(`overview.${name}`)}</span><//>`)}</div><//>`;
}

export default function Overview() {
  const [query] = useQuery();
  const appid = query.appid || '';
  const accounts = useAccounts();
  const { snapshot, connected } = useLive();
  const { data: overview, problem, again } = useData((signal) => api.get('/api/v1/overview', { appid }, signal), [appid], LIVE_MS);
  const choice = accounts.length > 1 && html`<${Picks} fields=${[{ name: 'appid', label: t('word.account'), options: [['', t('overview.all')], ...accounts.map((account) => [account.appid, account.name])] }]} />`;
  const mark = html`<${Badge} tone=${connected && !problem ? 'good' : 'warn'}>${connected && !problem ? t('app.live') : t('app.stale')}<//>`;
  if (!overview) return html`<${Head} title=${t('overview.title')} />${problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`}`;
  if (!overview.accounts.length) {
    return html`<${Head} title=${t('overview.title')} /><${Empty} title=${t('overview.empty')}><p>${t('overview.empty_hint')}</p><${Link} class="button primary" href="/start">${t('overview.connect')}<//><//>`;
  }
  return html`<${Head} title=${t('overview.title')}>${choice}${mark}<//><${Trouble} problem=${problem} again=${again} />
    <${Now} overview=${overview} snapshot=${snapshot} appid=${appid} />
    <div class="columns uneven"><${Funnel} funnel=${overview.funnel} appid=${appid} /><${Alerts} alerts=${overview.alerts} accounts=${accounts} /></div>
    <${Accounts} overview=${overview} snapshot=${snapshot} />
    <${Charts} appid=${appid} accounts=${accounts.length} />
    <div class="columns"><${Errcodes} errcodes=${overview.errcodes} appid=${appid} /><${Causes} appid=${appid} /></div>`;
}
