// Each account in one strip: whether it sends, and what is left of quota, rate, time.
import { html, useState } from '../../lib.js';
import { url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { clock, minuteOf } from '../../clock.js';
import { ago, number, span } from '../../format.js';
import { Link } from '../../router.js';
import { Bar } from '../../ui/bar.js';
import { Badge, Card, Id, Time, cause } from '../../ui/basic.js';

words({
  zh: {
    'strip.title': '公众号', 'strip.sending': '发送中', 'strip.idle': '正常，空闲', 'strip.paused': '已暂停', 'strip.trouble': '没有令牌', 'strip.ordered': '人工暂停：{reason}', 'strip.used': '{used} / {limit}', 'strip.runs_out': '按现在的速度，{at} 用完', 'strip.used_up': '已用完，次日 0 点恢复', 'strip.lasts': '今天用不完',
    'strip.rate': '{now} / {limit} 每秒', 'strip.unlimited': '{now} 每秒，不限', 'strip.oldest': '最早的已等 {age}', 'strip.late': '有 {n} 个通道已逾期', 'strip.no_callback': '未配置', 'strip.no_token': '还没有', 'strip.token_lasts': '{time}后到期', 'strip.token_expired': '已过期', 'strip.all': '显示全部 {n} 个', 'strip.more': '只显示前 500 个，其余见“公众号”。', 'strip.until': '到',
  },
  en: {
    'strip.title': 'Accounts', 'strip.sending': 'sending', 'strip.idle': 'fine, idle', 'strip.paused': 'paused', 'strip.trouble': 'no token', 'strip.ordered': 'paused by a person: {reason}', 'strip.used': '{used} of {limit}', 'strip.runs_out': 'used up at {at} at this rate', 'strip.used_up': 'used up until midnight', 'strip.lasts': 'lasts today',
    'strip.rate': '{now} of {limit} a second', 'strip.unlimited': '{now} a second, no limit', 'strip.oldest': 'the oldest waits {age}', 'strip.late': 'late lanes: {n}', 'strip.no_callback': 'none set', 'strip.no_token': 'none yet', 'strip.token_lasts': 'expires in {time}', 'strip.token_expired': 'expired', 'strip.all': 'Show all {n}', 'strip.more': 'The first 500; the rest is under Accounts.', 'strip.until': 'until',
  },
});

const TONES = { sending: 'good', idle: 'good', paused: 'bad', trouble: 'bad' };
/** Of a day's quota: it is time to look at it. */
const NEARLY = 0.9;
/** Strips shown at first. */
const FEW = 6;

/** Whether a person has to look at it. */
export const isWrong = ({ status }) => status === 'paused' || status === 'trouble';

function Status({ account }) {
  const { pause, token } = account.live;
  const held = pause || token.trouble;
  const why = pause ? (pause.cause === 'ordered' ? t('strip.ordered', { reason: pause.reason }) : cause(pause.cause)) : token.trouble && (said(token.trouble.advice) ? '' : token.trouble.detail);
  return html`<div class="stands"><${Badge} tone=${TONES[account.status]}>${t(`strip.${account.status}`)}<//>
    ${why && html`<span>${why}</span>`}${pause?.until && html`<span class="faint">${t('strip.until')} <${Time} at=${pause.until} /></span>`}
    ${held && pause?.cause !== 'ordered' && html`<p class="hint">${said(held.advice)}</p>`}${held?.ip && html`<${Id} value=${held.ip} />`}</div>`;
}

/** The oldest of all lanes, and how many are past their deadline. */
function backlog({ lanes }, now) {
  const ages = lanes.map((lane) => lane.oldest_age_s).filter((age) => age !== null);
  return {
    waiting: lanes.reduce((sum, lane) => sum + lane.waiting, 0), oldest: ages.length ? Math.max(...ages) : null,
    late: lanes.filter((lane) => lane.deadline_at && new Date(lane.deadline_at) < new Date(now)).length,
  };
}

/** How long the token is good for. */
function tokenOf({ state, expires_at: end }, now) {
  if (state !== 'valid') return t(state === 'expired' ? 'strip.token_expired' : 'strip.no_token');
  return t('strip.token_lasts', { time: span(Math.max(0, Math.round((new Date(end) - new Date(now)) / 1000))) });
}

function Quota({ quota, rate }) {
  const { used, limit, runs_out_at: end } = quota;
  return html`<div><span>${t('strip.used', { used: number(used), limit: number(limit) })}</span><${Bar} value=${used} most=${limit || 1} bad=${Boolean(end) || used > limit * NEARLY} />
    ${limit > 0 && used >= limit ? html`<span class="fault">${t('strip.used_up')}</span>` : end ? html`<span class="fault">${t('strip.runs_out', { at: minuteOf(clock(end)) })}</span>` : rate > 0 && html`<span class="faint">${t('strip.lasts')}</span>`}</div>`;
}

function Strip({ account, live, now }) {
  const { waiting, oldest, late } = backlog(account, now);
  const limit = account.live.rate_per_s;
  const rate = live ? live.rate_per_s : account.sent_per_s;
  const { token } = account.live;
  const items = [
    ['word.quota', html`<${Quota} quota=${account.quota} rate=${account.sent_per_s} />`],
    ['word.rate', html`<div><span>${limit ? t('strip.rate', { now: number(rate), limit: number(limit) }) : t('strip.unlimited', { now: number(rate) })}</span>${limit > 0 && html`<${Bar} value=${rate} most=${limit} />`}</div>`],
    ['word.queue', html`<div><${Link} href=${url('/queue', { appid: account.appid })}>${number(waiting)}<//>${oldest !== null && html`<span class="hint"><br />${t('strip.oldest', { age: span(oldest) })}</span>`}${late > 0 && html`<span class="fault"><br />${t('strip.late', { n: late })}</span>`}</div>`],
    ['word.token', tokenOf(token, now)],
    ['word.callback', live && !live.callback && !account.last_callback_at ? t('strip.no_callback') : ago(account.last_callback_at, now)],
  ];
  return html`<li class="account" data-appid=${account.appid}><div class="account-name"><${Link} href=${`/accounts/${account.appid}`}>${account.name}<//><${Id} value=${account.appid} /></div>
    <div class="account-status"><${Status} account=${account} /></div>
    <dl class="facts">${items.map(([key, value]) => html`<div key=${key}><dt>${t(key)}</dt><dd>${value}</dd></div>`)}</dl></li>`;
}

export default function Accounts({ overview, snapshot }) {
  const [all, show] = useState(false);
  const sorted = [...overview.accounts].sort((a, b) => isWrong(b) - isWrong(a));
  const shown = all ? sorted : sorted.slice(0, FEW);
  const live = (appid) => snapshot?.accounts.find((account) => account.appid === appid);
  return html`<${Card} title=${`${t('strip.title')} (${number(sorted.length)})`} data-part="accounts"><ul class="accounts">${shown.map((account) => html`<${Strip} key=${account.appid} account=${account} live=${live(account.appid)} now=${overview.at} />`)}</ul>
    ${shown.length < sorted.length && html`<div><button type="button" class="button" onClick=${() => show(true)}>${t('strip.all', { n: number(sorted.length) })}</button></div>`}
    ${overview.truncated && html`<p class="hint">${t('strip.more')}</p>`}<//>`;
}
