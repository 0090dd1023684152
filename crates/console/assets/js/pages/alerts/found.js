// What rules found: what it means, what was done about it, what to do; and who is not to be told for a while.
import { html, useState } from '../../lib.js';
import { api, url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { useAccounts } from '../../known.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, useQuery } from '../../router.js';
import { Badge, Empty, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { Severity, limit, ruleName, valued } from './measure.js';

words({
  zh: {
    'found.open': '未恢复', 'found.state_pending': '观察中', 'found.state_firing': '告警中', 'found.state_resolved': '已恢复', 'found.none': '没有未恢复的告警', 'found.none_told': '一切正常。触发时会通知渠道。', 'found.none_channels': '一切正常，但还没有通知渠道：出问题时没有人会收到通知。', 'found.channels': '添加通知渠道', 'found.rules': '查看规则', 'found.other': '没有这种状态的告警',
    'found.now': '现在', 'found.limit': '告警线', 'found.since': '始于', 'found.told': '最近通知', 'found.resolved': '恢复于', 'found.meaning': '含义', 'found.done': '系统已处理', 'found.advice': '建议', 'found.rule': '规则', 'found.silence': '静默', 'found.for': '静默时长', 'found.silenced': '静默到', 'found.unsilence': '取消静默', 'found.hush_60': '1 小时', 'found.hush_240': '4 小时', 'found.hush_1440': '1 天', 'found.hush_10080': '7 天', 'found.look': '查看相关消息', 'found.account': '查看公众号', 'found.webhook': '查看业务回调', 'found.installation': '整个系统',
  },
  en: {
    'found.open': 'not over', 'found.state_pending': 'watched', 'found.state_firing': 'firing', 'found.state_resolved': 'over', 'found.none': 'Nothing is alarming', 'found.none_told': 'All is well. Channels are told when that changes.', 'found.none_channels': 'All is well, but there is no channel yet: nobody will be told when that changes.', 'found.channels': 'Add a channel', 'found.rules': 'See the rules', 'found.other': 'No alert is in this state',
    'found.now': 'Now', 'found.limit': 'Limit', 'found.since': 'Since', 'found.told': 'Last told', 'found.resolved': 'Over', 'found.meaning': 'It means', 'found.done': 'Already done', 'found.advice': 'To do', 'found.rule': 'Rule', 'found.silence': 'Silence', 'found.for': 'Silence for', 'found.silenced': 'Silent until', 'found.unsilence': 'End the silence', 'found.hush_60': '1 hour', 'found.hush_240': '4 hours', 'found.hush_1440': '1 day', 'found.hush_10080': '7 days', 'found.look': 'See the messages', 'found.account': 'See the account', 'found.webhook': 'See the webhook', 'found.installation': 'the whole system',
  },
});

const LIVE_MS = 10000;
const HUSHES = ['60', '240', '1440', '10080'];
const CHOICES = ['firing', 'pending', 'resolved', 'all'];
const TONES = { pending: 'warn', firing: 'bad', resolved: 'good' };
const MINUTE_MS = 60000;

/** Where to see what it is about. */
function place({ appid, template_id, metric, errcode, since, window_minutes: window }) {
  const from = new Date(Date.parse(since) - (window || 0) * MINUTE_MS).toISOString();
  const messages = (more) => [url('/messages', { appid, since: from, ...(template_id && { template_id }), ...more }), t('found.look')];
  if (metric === 'webhook_failure') return [`/webhooks/${template_id}`, t('found.webhook')];
  if (errcode) return messages({ errcode });
  if (metric === 'success_rate') return messages({ state: 'failed' });
  if (metric === 'user_block_rate') return messages({ cause: 'user_blocked' });
  if (metric === 'backlog_age') return [url('/messages', { appid, state: 'pending' }), t('found.look')];
  if (metric === 'late_share') return messages({});
  return appid ? [`/accounts/${appid}`, t('found.account')] : null;
}

function Silence({ row, again }) {
  const [minutes, choose] = useState(HUSHES[0]);
  const hush = async (minutes) => {
    await act(() => api.post(`/api/v1/alerts/${encodeURIComponent(row.id)}/silence`, { minutes: Number(minutes) }), t('act.done'));
    again();
  };
  const until = row.silenced_until && Date.parse(row.silenced_until) > Date.now() && row.silenced_until;
  if (until) return html`<div class="actions"><span>${t('found.silenced')} <${Time} at=${until} /></span><button type="button" class="button small" onClick=${() => hush(0)}>${t('found.unsilence')}</button></div>`;
  return html`<div class="actions"><select class="short" aria-label=${t('found.for')} value=${minutes} onChange=${(event) => choose(event.target.value)}>${HUSHES.map((n) => html`<option key=${n} value=${n} selected=${n === minutes}>${t(`found.hush_${n}`)}</option>`)}</select>
    <button type="button" class="button" onClick=${() => hush(minutes)}>${t('found.silence')}</button></div>`;
}

function One({ row, name, again }) {
  const me = useMe();
  const to = place(row);
  const facts = [
    ['now', row.metric ? valued(row.metric, row.value) : String(row.value)], ['limit', row.metric && limit(row)], ['since', html`<${Time} at=${row.since} />`],
    ['told', html`<${Time} at=${row.told_at} />`], ['resolved', row.resolved_at && html`<${Time} at=${row.resolved_at} />`],
  ].filter(([, value]) => value);
  return html`<li class="card" data-alert=${row.id}><div class="apart"><h2><${Severity} severity=${row.severity} /> ${ruleName(row.rule, row.name)}</h2><${Badge} tone=${TONES[row.state]}>${t(`found.state_${row.state}`)}<//></div>
    <p>${row.appid ? html`<${Link} href=${`/accounts/${row.appid}`}>${name}<//> <${Id} value=${row.appid} />` : t('found.installation')} ${row.appid && row.template_id && html`${t('word.template')} <${Id} value=${row.template_id} short=${14} href=${url(`/templates/${row.template_id}`, { appid: row.appid })} />`}</p>
    <dl class="facts">${facts.map(([key, value]) => html`<div key=${key}><dt>${t(`found.${key}`)}</dt><dd>${value}</dd></div>`)}</dl>
    ${row.reading && html`<dl class="lines said">${['meaning', 'done', 'advice'].map((part) => html`<div key=${part}><dt>${t(`found.${part}`)}</dt><dd>${said(row.reading[part])}</dd></div>`)}</dl>`}
    <div class="apart"><div class="actions">${to && html`<${Link} class="button" href=${to[0]}>${to[1]}<//>`}<${Link} class="button" href=${url('/alerts', { tab: 'rules', edit: row.rule })}>${t('found.rule')}<//></div>
    ${may(me, 'operator') && row.state !== 'resolved' && html`<${Silence} row=${row} again=${again} />`}</div></li>`;
}

export default function Found() {
  const [query, set] = useQuery();
  const accounts = useAccounts();
  const state = CHOICES.includes(query.state) ? query.state : '';
  const { data, problem, again } = useData((signal) => api.get('/api/v1/alerts', { appid: query.appid, state: state === 'all' ? '' : state }, signal), [query.appid, state], LIVE_MS);
  const channels = useData((signal) => api.get('/api/v1/alerts/channels', {}, signal), []);
  // Without a choice: what is not over.
  const rows = data?.alerts.filter((row) => state || row.state !== 'resolved');
  const name = (row) => accounts.find(({ appid }) => appid === row.appid)?.name || row.appid;
  const select = (key, label, value, options) => html`<label class="filter"><span>${label}</span><select name=${key} value=${value} onChange=${(event) => set({ [key]: event.target.value })}>${options.map(([word, text]) => html`<option key=${word} value=${word} selected=${word === value}>${text}</option>`)}</select></label>`;
  const untold = channels.data && !channels.data.channels.some((one) => one.enabled);
  const empty = state
    ? html`<${Empty} title=${t('found.other')}><button type="button" class="button" onClick=${() => set({ state: 'all' })}>${t('word.all')}</button><//>`
    : html`<${Empty} title=${t('found.none')}><p>${t(untold ? 'found.none_channels' : 'found.none_told')}</p><${Link} class=${`button ${untold ? 'primary' : ''}`} href=${url('/alerts', { tab: untold ? 'channels' : 'rules' })}>${t(untold ? 'found.channels' : 'found.rules')}<//><//>`;
  return html`<div class="stack" data-part="found"><div class="filter-row">${select('state', t('word.state'), state, [['', t('found.open')], ...CHOICES.map((word) => [word, word === 'all' ? t('word.all') : t(`found.state_${word}`)])])}
      ${accounts.length > 1 && select('appid', t('word.account'), query.appid || '', [['', t('word.all')], ...accounts.map(({ appid, name }) => [appid, name])])}</div>
    <${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${rows && (rows.length ? html`<ul class="stack">${rows.map((row) => html`<${One} key=${row.id} row=${row} name=${name(row)} again=${again} />`)}</ul>` : empty)}</div>`;
}
