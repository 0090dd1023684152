// The queue: what waits for each account in each lane, for how long, and the order to stand still or go on.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { said, t, words } from '../i18n.js';
import { instant } from '../clock.js';
import { number, span } from '../format.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, useQuery } from '../router.js';
import { Badge, Card, Empty, Head, Id, Loading, Time, Trouble, cause } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { ask } from '../ui/confirm.js';
import { Picks } from '../ui/picks.js';
import { Table } from '../ui/table.js';
import { Standing } from './accounts.js';

words({
  zh: {
    'queue.title': '队列', 'queue.note': '等待发送的消息，按公众号和通道。', 'queue.all': '全部公众号', 'queue.waiting': '等待中', 'queue.late': '已逾期的通道', 'queue.still': '停发的公众号', 'queue.oldest': '最早的已等 {age}', 'queue.overdue': '已逾期 {age}', 'queue.scheduled': '下次定时', 'queue.no_scheduled': '无',
    'queue.pause': '暂停', 'queue.pause_ask': '暂停 {name}？', 'queue.pause_text': '消息照常受理并排队，恢复后继续发送。', 'queue.for': '暂停多久', 'queue.for_ever': '直到人工恢复', 'queue.for_900': '15 分钟', 'queue.for_3600': '1 小时', 'queue.for_14400': '4 小时', 'queue.for_86400': '24 小时', 'queue.paused': '已暂停', 'queue.resume': '恢复', 'queue.resumed': '已恢复发送',
    'queue.held_content': '等待人工审核', 'queue.empty': '没有消息在等待', 'queue.newest': '查看 {name} 的消息', 'queue.test': '用 {name} 发送测试消息', 'queue.empty_hint': '到期的消息都已交给微信；定时消息在 2,000 条之内会显示在这里。', 'queue.idle': '没有等待消息的公众号（{n}）', 'queue.held': '全部停发：自 {since} 起不发送任何消息。', 'queue.hold': '全部停发', 'queue.hold_ask': '停发所有公众号？', 'queue.hold_text': '消息照常受理并排队，直到有人恢复。', 'queue.release': '恢复全部发送', 'queue.release_ask': '恢复所有公众号的发送？', 'queue.holding': '已停发全部', 'queue.released': '已恢复', 'queue.reason': '原因',
  },
  en: {
    'queue.title': 'Queue', 'queue.note': 'What waits to be sent, by account and lane.', 'queue.all': 'All accounts', 'queue.waiting': 'waiting', 'queue.late': 'lanes that are late', 'queue.still': 'accounts that stand still', 'queue.oldest': 'the oldest waits {age}', 'queue.overdue': 'late by {age}', 'queue.scheduled': 'Next scheduled', 'queue.no_scheduled': 'none',
    'queue.pause': 'Pause', 'queue.pause_ask': 'Pause {name}?', 'queue.pause_text': 'Messages are accepted and wait; they go when it is resumed.', 'queue.for': 'For how long', 'queue.for_ever': 'until somebody resumes it', 'queue.for_900': '15 minutes', 'queue.for_3600': '1 hour', 'queue.for_14400': '4 hours', 'queue.for_86400': '24 hours', 'queue.paused': 'Paused', 'queue.resume': 'Resume', 'queue.resumed': 'Sending goes on',
    'queue.held_content': 'waits for approval', 'queue.empty': 'Nothing waits', 'queue.newest': 'Messages of {name}', 'queue.test': 'Send a test with {name}', 'queue.empty_hint': 'Whatever was due is with WeChat; scheduled messages are shown here once they are among the next 2,000.', 'queue.idle': 'Accounts for which nothing waits ({n})', 'queue.held': 'Everything is held: nothing is sent since {since}.', 'queue.hold': 'Hold everything', 'queue.hold_ask': 'Hold all accounts?', 'queue.hold_text': 'Messages are accepted and wait until somebody releases them.', 'queue.release': 'Release everything', 'queue.release_ask': 'Let all accounts send again?', 'queue.holding': 'Everything is held', 'queue.released': 'Released', 'queue.reason': 'Reason',
  },
});

const QUEUE_MS = 3000;
const STANDING_MS = 6000;
const LANES = ['urgent', 'normal', 'bulk'];
const FOR_S = ['', '900', '3600', '14400', '86400'];

const lateBy = (lane) => (lane.deadline_at ? Math.round((Date.now() - new Date(lane.deadline_at)) / 1000) : 0);

/** What waits in one lane of one account. */
function Lane({ appid, lane }) {
  if (!lane) return html`<span class="faint">–</span>`;
  const late = lateBy(lane);
  const ahead = lane.next_due_at && new Date(lane.next_due_at) > Date.now();
  return html`<div class="lane" data-lane=${lane.lane}><${Link} class="waiting" href=${url('/messages', { appid, state: 'pending', lane: lane.lane })}>${number(lane.waiting)}<//>
    ${late > 0 && html`<${Badge} tone="bad">${t('queue.overdue', { age: span(late) })}<//>`}
    ${lane.oldest_age_s !== null && html`<span class="hint">${t('queue.oldest', { age: span(lane.oldest_age_s) })}</span>`}
    ${ahead && html`<span class="hint"><${Time} at=${lane.next_due_at} /></span>`}
    ${Object.entries(lane.held).map(([word, count]) => html`<span class="hint" key=${word}>${word === 'content' ? t('queue.held_content') : cause(word)} <${Link} href=${url('/messages', { appid, state: 'pending', cause: word })}>${number(count)}<//></span>`)}</div>`;
}

/** Whether it goes, and what holds it up. */
function Stands({ account }) {
  if (!account.live) return null;
  const { pause, token } = account.live;
  const held = pause || token.trouble;
  return html`<div class="stands"><${Standing} live=${account.live} />${pause?.reason && html`<span>${pause.reason}</span>`}
    ${pause?.until && html`<span class="faint">${t('word.until')} <${Time} at=${pause.until} /></span>`}${held && pause?.cause !== 'ordered' && html`<span class="hint">${said(held.advice) || held.detail}</span>`}${held?.ip && html`<${Id} value=${held.ip} />`}</div>`;
}

async function pause({ appid, name }, again) {
  const answer = await ask({ title: t('queue.pause_ask', { name }), text: t('queue.pause_text'), reason: t('queue.reason'), yes: t('queue.pause'), danger: true, choice: { label: t('queue.for'), options: FOR_S.map((s) => [s, t(`queue.for_${s || 'ever'}`)]) } });
  if (!answer) return;
  const until = answer.choice ? { until: new Date(Date.now() + Number(answer.choice) * 1000).toISOString() } : {};
  await act(() => api.post(`/api/v1/accounts/${appid}/pause`, { reason: answer.reason, ...until }), t('queue.paused'));
  again();
}

async function resume({ appid }, again) {
  await act(() => api.post(`/api/v1/accounts/${appid}/resume`, {}), t('queue.resumed'));
  again();
}

/** The button of an account: what stands still goes on, what goes stands still. */
function Order({ account, again }) {
  return account.live?.pause
    ? html`<button type="button" class="button small primary" onClick=${() => resume(account, again)}>${t('queue.resume')}</button>`
    : html`<button type="button" class="button small" onClick=${() => pause(account, again)}>${t('queue.pause')}</button>`;
}

async function hold(held, again) {
  const order = held ? 'release' : 'hold';
  const reason = await ask({ title: t(`queue.${order}_ask`), text: held ? '' : t('queue.hold_text'), reason: t('queue.reason'), yes: t(`queue.${order}`), danger: !held });
  if (!reason) return;
  await act(() => api.post('/api/v1/hold', { held: !held, reason }), t(held ? 'queue.released' : 'queue.holding'));
  again();
}

function columns(me, again) {
  const of = (account, lane) => account.lanes.find((one) => one.lane === lane);
  return [
    { key: 'name', label: t('word.account'), cell: (row) => html`<span><${Link} href=${`/accounts/${row.appid}`}><strong>${row.name}</strong><//><br /><${Id} value=${row.appid} /></span>` },
    { key: 'stands', label: t('word.state'), cell: (row) => html`<${Stands} account=${row} />` },
    ...LANES.map((lane) => ({ key: lane, label: t(`lane.${lane}`), cell: (row) => html`<${Lane} appid=${row.appid} lane=${of(row, lane)} />` })),
    { key: 'scheduled', label: t('queue.scheduled'), cell: (row) => (row.next_scheduled_at ? html`<${Time} at=${row.next_scheduled_at} />` : html`<span class="faint">${t('queue.no_scheduled')}</span>`) },
    ...(may(me, 'operator') ? [{ key: 'act', label: t('word.actions'), cell: (row) => html`<${Order} account=${row} again=${again} />` }] : []),
  ];
}

/** Accounts with what waits for them, what stands still or is late first; and those for which nothing waits. */
function sorted(queue, standing, appid) {
  const waits = new Map(queue.accounts.map((account) => [account.appid, account]));
  const known = standing.filter((account) => !appid || account.appid === appid);
  const all = known.map(({ appid: of, name, live }) => ({ lanes: [], next_scheduled_at: null, ...waits.get(of), appid: of, name, live }));
  // More accounts than are listed at once: those that wait are shown all the same.
  const others = queue.accounts.filter((account) => !known.some((one) => one.appid === account.appid)).map((account) => ({ ...account, live: null }));
  const rank = ({ live, lanes }) => (live?.pause || live?.token.trouble ? 2 : 0) + (lanes.some((lane) => lateBy(lane) > 0) ? 1 : 0);
  const count = ({ lanes }) => lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const rows = [...all, ...others].sort((a, b) => rank(b) - rank(a) || count(b) - count(a));
  const isBusy = (row) => row.lanes.length > 0 || Boolean(row.live?.pause || row.live?.token.trouble);
  return { busy: rows.filter(isBusy), idle: rows.filter((row) => !isBusy(row)) };
}

function Figures({ queue, busy }) {
  const late = queue.accounts.flatMap((account) => account.lanes).filter((lane) => lateBy(lane) > 0).length;
  const still = busy.filter(({ live }) => live?.pause || live?.token.trouble).length;
  const figures = [['waiting', queue.waiting, '/messages?state=pending'], ['late', late], ['still', still]];
  return html`<${Card}><div class="figures">${figures.map(([name, value, href]) => {
    const inner = html`<span class="figure-value">${number(value)}</span><span class="figure-label">${t(`queue.${name}`)}</span>`;
    const look = `figure ${name !== 'waiting' && value > 0 ? 'bad' : ''}`;
    return href ? html`<${Link} key=${name} class=${look} href=${href} data-figure=${name}>${inner}<//>` : html`<div key=${name} class=${look} data-figure=${name}>${inner}</div>`;
  })}</div><//>`;
}

function Nothing({ account: { appid, name } }) {
  return html`<${Empty} title=${t('queue.empty')}><p>${t('queue.empty_hint')}</p><div class="actions"><${Link} class="button" href=${url('/messages', { appid })}>${t('queue.newest', { name })}<//><${Link} class="button" href=${url('/start', { appid })}>${t('queue.test', { name })}<//></div><//>`;
}

export default function Queue() {
  const me = useMe();
  const [query] = useQuery();
  const appid = query.appid || '';
  const queue = useData((signal) => api.get('/api/v1/queue', { appid }, signal), [appid], QUEUE_MS);
  const standing = useData((signal) => api.get('/api/v1/accounts', { limit: 500 }, signal), [], STANDING_MS);
  const whole = useData((signal) => api.get('/api/v1/hold', {}, signal), [], STANDING_MS);
  const problem = queue.problem || standing.problem;
  const again = () => [queue, standing, whole].forEach((one) => one.again());
  const accounts = standing.data?.accounts || [];
  const choice = accounts.length > 1 && html`<${Picks} fields=${[{ name: 'appid', label: t('word.account'), options: [['', t('queue.all')], ...accounts.map((account) => [account.appid, account.name])] }]} />`;
  const head = html`<${Head} title=${t('queue.title')} note=${t('queue.note')}>${choice}${may(me, 'admin') && whole.data && !whole.data.held && html`<button type="button" class="button danger" onClick=${() => hold(false, again)}>${t('queue.hold')}</button>`}<//>`;
  if (!queue.data || !standing.data) return html`${head}${problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`}`;
  if (!accounts.length) return html`${head}<${Empty} title=${t('place.no_account')}><${Link} class="button primary" href="/start">${t('place.connect')}<//><//>`;
  const { busy, idle } = sorted(queue.data, accounts, appid);
  const held = whole.data?.held && html`<div class="trouble" role="alert"><p>${t('queue.held', { since: instant(whole.data.since) })}</p>${may(me, 'admin') && html`<button type="button" class="button small" onClick=${() => hold(true, again)}>${t('queue.release')}</button>`}</div>`;
  return html`${head}${held}<${Trouble} problem=${problem} again=${again} /><${Figures} queue=${queue.data} busy=${busy} />
    <div data-part="lanes"><${Table} columns=${columns(me, again)} rows=${busy} id=${(row) => row.appid} label=${t('queue.title')} empty=${html`<${Nothing} account=${accounts.find((one) => one.appid === appid) || accounts[0]} />`} /></div>
    ${idle.length > 0 && html`<details class="card" data-part="idle"><summary><h2>${t('queue.idle', { n: number(idle.length) })}</h2></summary><${Table} columns=${columns(me, again).filter(({ key }) => !LANES.includes(key) && key !== 'scheduled')} rows=${idle} id=${(row) => row.appid} label=${t('queue.title')} /></details>`}`;
}
