// How everything stands now: totals of today, each account, what goes wrong. Live.
import { html } from '../lib.js';
import { said, t, words } from '../i18n.js';
import { ago, number, share, shanghaiToday, span } from '../format.js';
import { useLive } from '../live.js';
import { Link } from '../router.js';
import { url } from '../api.js';
import { Badge, Card, Empty, Head, Id, Loading, State, cause } from '../ui/basic.js';
import { Chart } from '../ui/chart.js';

words({
  zh: {
    'overview.title': '总览', 'overview.today': '今日（北京时间）', 'overview.accepted': '受理', 'overview.rate_now': '每秒发送', 'overview.waiting': '等待中',
    'overview.success': '送达率', 'overview.accounts': '公众号', 'overview.causes': '今日未送达的原因', 'overview.no_causes': '今天没有失败或被拦下的消息。',
    'overview.sending': '发送速率（最近 3 分钟）', 'overview.ok': '正常', 'overview.paused': '已暂停', 'overview.no_token': '没有令牌', 'overview.used': '已用 {used} / {daily}',
    'overview.rate': '{now} / 秒，上限 {limit}', 'overview.no_limit': '不限', 'overview.no_callback': '未配置', 'overview.empty': '还没有公众号', 'overview.empty_hint': '先接入一个公众号，或用模拟器试一试。',
    'overview.connect': '接入公众号', 'overview.until': '到 {until}',
  },
  en: {
    'overview.title': 'Overview', 'overview.today': 'Today (Shanghai)', 'overview.accepted': 'accepted', 'overview.rate_now': 'sends a second', 'overview.waiting': 'waiting',
    'overview.success': 'delivered', 'overview.accounts': 'Accounts', 'overview.causes': 'Why messages of today did not arrive', 'overview.no_causes': 'Nothing failed or was held back today.',
    'overview.sending': 'Sends a second (last 3 minutes)', 'overview.ok': 'fine', 'overview.paused': 'paused', 'overview.no_token': 'no token', 'overview.used': '{used} of {daily}',
    'overview.rate': '{now}/s, limit {limit}', 'overview.no_limit': 'none', 'overview.no_callback': 'none set', 'overview.empty': 'There is no account yet', 'overview.empty_hint': 'Connect one, or try the simulator.',
    'overview.connect': 'Connect an account', 'overview.until': 'until {until}',
  },
});

/** Today began in Shanghai then. */
const since = () => `${shanghaiToday()}T00:00:00+08:00`;
const rows = (query) => url('/messages', { since: since(), ...query });

function Figure({ label, value, href }) {
  const inner = html`<span class="figure-value">${value}</span><span class="figure-label">${label}</span>`;
  return href ? html`<${Link} class="figure" href=${href}>${inner}<//>` : html`<div class="figure">${inner}</div>`;
}

/** accepted → sent → delivered, each with its rows. */
function Today({ snapshot }) {
  const { totals } = snapshot;
  const count = (...states) => states.reduce((sum, state) => sum + (totals[state] || 0), 0);
  const all = count(...Object.keys(totals));
  return html`<div class="figures">
    <${Figure} label=${t('overview.accepted')} value=${number(all)} href=${rows({})} />
    <${Figure} label=${t('state.delivered')} value=${number(count('delivered'))} href=${rows({ state: 'delivered' })} />
    <${Figure} label=${t('overview.success')} value=${share(count('delivered'), count('delivered', 'failed', 'unknown', 'suppressed'))} />
    <${Figure} label=${t('overview.waiting')} value=${number(snapshot.queue)} href="/messages?state=pending" />
    <${Figure} label=${t('state.failed')} value=${number(count('failed'))} href=${rows({ state: 'failed' })} />
    <${Figure} label=${t('state.suppressed')} value=${number(count('suppressed'))} href=${rows({ state: 'suppressed' })} />
    <${Figure} label=${t('overview.rate_now')} value=${number(snapshot.rate_per_s)} />
  </div>`;
}

function Status({ account, now }) {
  const { pause, token } = account.live;
  if (pause) {
    return html`<div><${Badge} tone="bad">${t('overview.paused')}<//> <span>${pause.cause === 'ordered' ? pause.reason : cause(pause.cause)}</span>
      ${pause.until && html`<span class="faint"> ${t('overview.until', { until: new Date(pause.until).toLocaleTimeString() })}</span>`}
      <p class="hint">${said(pause.advice)}</p>${pause.ip && html`<${Id} value=${pause.ip} />`}</div>`;
  }
  if (token.trouble) return html`<div><${Badge} tone="bad">${t('overview.no_token')}<//><p class="hint">${said(token.trouble.advice) || token.trouble.detail}</p>${token.trouble.ip && html`<${Id} value=${token.trouble.ip} />`}</div>`;
  return html`<${Badge} tone="good">${t('overview.ok')}<//>`;
}

function Account({ account, now }) {
  const { live, daily, sent_today: used } = account;
  const limit = live.rate_per_s ? number(live.rate_per_s) : t('overview.no_limit');
  const items = [
    ['word.quota', html`<span>${t('overview.used', { used: number(used), daily: number(daily) })}</span><meter min="0" max=${daily || 1} high=${daily * 0.9} value=${used} aria-label=${t('word.quota')}></meter>`],
    ['word.rate', t('overview.rate', { now: number(account.rate_per_s), limit })],
    ['word.queue', html`<${Link} href=${url('/messages', { appid: account.appid, state: 'pending' })}>${number(account.queue)}<//>`],
    ['word.token', live.token.age_s === null ? '–' : span(live.token.age_s)],
    ['word.callback', account.callback ? ago(account.last_callback_at, now) : t('overview.no_callback')],
  ];
  return html`<li class="account"><div class="account-name"><${Link} href=${url('/start', { appid: account.appid })}>${account.name}<//><${Id} value=${account.appid} /></div>
    <div class="account-status"><${Status} account=${account} now=${now} /></div>
    <dl class="facts">${items.map(([key, value]) => html`<div key=${key}><dt>${t(key)}</dt><dd>${value}</dd></div>`)}</dl></li>`;
}

function Causes({ causes }) {
  const wrong = causes.filter(({ state }) => ['failed', 'suppressed', 'unknown'].includes(state));
  if (!wrong.length) return html`<p class="faint">${t('overview.no_causes')}</p>`;
  return html`<ul class="causes">${wrong.map(({ state, cause: word, count, advice }) => html`<li key=${state + word}>
    <${Link} class="cause-count" href=${rows({ state, cause: word })}>${number(count)}<//>
    <div><p>${cause(word)} <${State} state=${state} /></p>${advice && html`<p class="hint">${said(advice)}</p>`}</div></li>`)}</ul>`;
}

export default function Overview() {
  const { snapshot, connected, history } = useLive();
  const mark = html`<${Badge} tone=${connected ? 'good' : 'warn'}>${connected ? t('app.live') : t('app.stale')}<//>`;
  if (!snapshot) return html`<${Head} title=${t('overview.title')} /><${Loading} />`;
  if (!snapshot.accounts.length) {
    return html`<${Head} title=${t('overview.title')} /><${Empty} title=${t('overview.empty')}><p>${t('overview.empty_hint')}</p><${Link} class="button primary" href="/start">${t('overview.connect')}<//><//>`;
  }
  const data = [history.map(([at]) => at), history.map(([, rate]) => rate)];
  return html`<${Head} title=${t('overview.title')}>${mark}<//>
    <${Card} title=${t('overview.today')}><${Today} snapshot=${snapshot} /><//>
    <div class="columns"><${Card} title=${t('overview.sending')}><${Chart} window=${180} data=${data} series=${[{ label: t('word.rate'), stroke: '--accent' }]} label=${t('overview.sending')} /><//>
    <${Card} title=${t('overview.causes')}><${Causes} causes=${snapshot.causes} /><//></div>
    <${Card} title=${`${t('overview.accounts')} (${number(snapshot.accounts.length)})`}><ul class="accounts">${snapshot.accounts.map((account) => html`<${Account} key=${account.appid} account=${account} now=${snapshot.at} />`)}</ul><//>`;
}
