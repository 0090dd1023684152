// One message: where it stands, what the person sees, and everything that happened to it.
import { html, useEffect, useState } from '../lib.js';
import { api, url } from '../api.js';
import { has, said, t, words } from '../i18n.js';
import { number, took } from '../format.js';
import { useData } from '../live.js';
import { Link, go } from '../router.js';
import { may, useMe } from '../me.js';
import { useAccounts, useTemplates } from '../known.js';
import { Badge, Card, Head, Id, Loading, State, Time, Trouble, cause } from '../ui/basic.js';
import { ask } from '../ui/confirm.js';
import { Phone } from '../ui/phone.js';
import { toast } from '../ui/toast.js';
import { Judged } from '../ui/verdict.js';

words({
  zh: {
    'message.timeline': '经过', 'message.now': '同样的内容现在再发', 'message.facts': '内容与属性', 'message.cancel': '撤回', 'message.cancel_ask': '撤回这条消息？', 'message.cancel_text': '还没有发出的消息才能撤回，撤回后不能恢复。',
    'message.cancelled': '已撤回', 'message.again': '再发一条', 'message.again_ask': '再发一条同样的消息？', 'message.again_text': '会作为一条新消息发给同一个人，受同样的策略约束。', 'message.again_yes': '发送',
    'message.again_doubt': '原消息可能已经送达，再发会让此人收到两次。', 'message.sent_again': '已受理为新消息', 'message.erased': '此人的数据已删除', 'message.attempts': '尝试次数', 'message.due': '应发时间', 'message.deadline': '最晚应到', 'message.expires': '过期', 'message.url': '链接',
    'message.took': '微信用时 {ms} 毫秒', 'message.observed': '仅观察，未拦截', 'message.until': '到', 'message.all_of': '此人的全部消息', 'message.settled': '结束时间', 'message.basis': '互动依据',
    'what.resends': '再次发送：内容来自', 'what.resent': '已再次发送为', 'what.merged': '合并了一次触发', 'what.withdrawn': '被后续事件撤回', 'what.asked': '等待人工审核', 'what.approved': '人工通过', 'what.rejected': '人工拒绝', 'what.lapsed': '无人审核，已过期', 'what.clicked': '点击', 'what.blocked': '平台拦截', 'what.complained': '投诉',
    'message.by': '由 {by}', 'message.taps': '共 {n} 次', 'message.clicks': '链接点击', 'message.no_clicks': '还没有点击', 'message.variant': 'A/B 版本', 'message.reached_by': '触达窗口', 'message.on_time': '准点', 'message.is_on_time': '准点', 'message.is_late': '晚了 {late}', 'message.is_expired': '过期未发', 'message.lost': '主要耗时：{step}', 'message.step_hold_ms': '策略暂缓', 'message.step_pause_ms': '公众号停发', 'message.step_pace_ms': '排队等速率', 'message.step_claim_ms': '等待投递', 'message.step_wechat_ms': '微信应答',
  },
  en: {
    'message.timeline': 'What happened', 'message.now': 'The same, if it were sent now', 'message.facts': 'Content and facts', 'message.cancel': 'Take back', 'message.cancel_ask': 'Take this message back?', 'message.cancel_text': 'Only what has not gone yet can be taken back, and that is for good.',
    'message.cancelled': 'Taken back', 'message.again': 'Send again', 'message.again_ask': 'Send the same again?', 'message.again_text': 'It goes to the same person as a new message, under the same rules.', 'message.again_yes': 'Send',
    'message.again_doubt': 'The first may have been delivered: they may get it twice.', 'message.sent_again': 'Accepted as a new message', 'message.erased': 'The data of this person were erased', 'message.attempts': 'Attempts', 'message.due': 'Due', 'message.deadline': 'Deadline', 'message.expires': 'Expires', 'message.url': 'Link',
    'message.took': 'WeChat took {ms} ms', 'message.observed': 'observed only', 'message.until': 'until', 'message.all_of': 'All messages of this person', 'message.settled': 'Settled', 'message.basis': 'Basis',
    'what.resends': 'sent once more: content of', 'what.resent': 'sent once more as', 'what.merged': 'a trigger was merged', 'what.withdrawn': 'taken back by an event', 'what.asked': 'waits for a person', 'what.approved': 'approved', 'what.rejected': 'rejected', 'what.lapsed': 'nobody decided in time', 'what.clicked': 'tapped', 'what.blocked': 'blocked by the platform', 'what.complained': 'complaint',
    'message.by': 'by {by}', 'message.taps': '{n} in all', 'message.clicks': 'Taps on its link', 'message.no_clicks': 'none yet', 'message.variant': 'Variant', 'message.reached_by': 'Reach window', 'message.on_time': 'On time', 'message.is_on_time': 'on time', 'message.is_late': 'late by {late}', 'message.is_expired': 'expired', 'message.lost': 'mostly: {step}', 'message.step_hold_ms': 'held by a rule', 'message.step_pause_ms': 'its account stood still', 'message.step_pace_ms': 'waited for its turn', 'message.step_claim_ms': 'waited for a slot', 'message.step_wechat_ms': 'WeChat took its time',
  },
});

const FINAL = ['delivered', 'failed', 'suppressed', 'unknown', 'cancelled'];
const LIVE_MS = 1000;
const SETTLING_MS = 5000;

/** The request by which the same would be seen. */
const same = ({ appid, touser, template_id, data, url: link, miniprogram, lane, category, basis }) => ({
  appid, touser, template_id, data, lane, category, ...(basis && { basis }), ...(link && { url: link }), ...(miniprogram && { miniprogram }),
});

/** `{preview, content?, verdict?}`: from a dry run where the user may ask for one, else what the template's labels tell. */
function useLook(message, template, me) {
  const [look, show] = useState(null);
  useEffect(() => {
    if (!message?.data) return;
    const label = (name) => template?.fields?.find((field) => field.name === name)?.label || name;
    const plain = { title: template?.title || message.template_id, rows: Object.entries(message.data).map(([name, field]) => ({ label: label(name), value: String(field?.value ?? field) })) };
    show({ preview: plain });
    if (may(me, 'operator')) api.post('/api/v1/messages', { ...same(message), dry_run: true }).then((answer) => answer.preview && show(answer), () => {});
  }, [message?.id, template]);
  return look;
}

/** What happens to nearly all, and what never should. */
const CALM = ['accepted', 'claimed', 'resends', 'resent', 'merged', 'clicked', 'approved'];
const WRONG = ['blocked', 'complained', 'rejected'];

function Moment({ moment }) {
  const { what, at } = moment;
  const tone = moment.outcome === 'sent' || moment.state === 'delivered' || moment.status === 'success' ? 'good'
    : moment.outcome === 'refused' || moment.state === 'failed' || moment.verdict === 'refuse' || WRONG.includes(what) ? 'bad' : CALM.includes(what) ? '' : 'warn';
  const details = [
    moment.rule && html`<${Badge} tone=${moment.verdict === 'refuse' ? 'bad' : 'warn'}>${has(`rule.${moment.rule}`) ? t(`rule.${moment.rule}`) : moment.rule}: ${has(`verdict.${moment.verdict}`) ? t(`verdict.${moment.verdict}`) : moment.verdict}<//>`,
    moment.message && html`<${Id} value=${moment.message} href=${`/messages/${moment.message}`} />`,
    moment.observed && t('message.observed'),
    moment.by && t('message.by', { by: moment.by }), moment.reason && html`<span>“${moment.reason}”</span>`,
    moment.findings && html`<span>${moment.findings.map(({ word }) => word).join(' · ')}</span>`,
    moment.count && t('message.taps', { n: moment.count }), moment.client_msg_id && html`<${Id} value=${moment.client_msg_id} />`, moment.kind && html`<code>${moment.kind}</code>`,
    moment.until && html`<span>${t('message.until')} <${Time} at=${moment.until} /></span>`,
    moment.outcome && html`<${Badge} tone=${tone || 'calm'}>${has(`outcome.${moment.outcome}`) ? t(`outcome.${moment.outcome}`) : moment.outcome}<//>`,
    moment.status && html`<${Badge} tone=${tone || 'calm'}>${moment.raw || moment.status}<//>`,
    moment.state && html`<${State} state=${moment.state} />`,
    moment.cause && cause(moment.cause),
    moment.took_ms !== undefined && moment.took_ms !== null && html`<span class="faint">${t('message.took', { ms: moment.took_ms })}</span>`,
  ].filter(Boolean);
  const wechat = moment.errcode ? html`<div class="said"><p><code>errcode ${moment.errcode}</code> ${said(moment.meaning)}</p>${moment.errmsg && html`<p class="faint"><code>${moment.errmsg}</code></p>`}${moment.advice && html`<p>${t('word.advice')}: ${said(moment.advice)}</p>`}</div>` : null;
  return html`<li class=${`moment ${tone}`}><div class="moment-head"><strong>${has(`what.${what}`) ? t(`what.${what}`) : what}</strong><${Time} at=${at} /></div>
    ${details.length > 0 && html`<p class="moment-line">${details.map((detail, n) => html`<span key=${n}>${detail}</span>`)}</p>`}${wechat}
    ${moment.rid && html`<p class="faint">rid <${Id} value=${moment.rid} /></p>`}</li>`;
}

/** Whether it was on time, and in which step most of the time was lost. */
function onTime({ verdict, late_ms: late, steps }) {
  const [worst] = Object.entries(steps || {}).sort(([, a], [, b]) => b - a);
  return html`<span>${t(`message.is_${verdict}`, { late: took(late) })}${worst?.[1] > 0 && html` <span class="faint">${t('message.lost', { step: t(`message.step_${worst[0]}`) })}</span>`}</span>`;
}

const taps = ({ clicks, tracked }) => (clicks ? html`<span>${number(clicks.count)} <span class="faint"><${Time} at=${clicks.first_at} />${clicks.count > 1 && html` – <${Time} at=${clicks.last_at} />`}</span></span>` : tracked && t('message.no_clicks'));

function Facts({ message, template }) {
  const items = [
    ['word.recipient', message.touser ? html`<${Id} value=${message.touser} /> <${Link} href=${url('/messages', { appid: message.appid, touser: message.touser })}>${t('message.all_of')}<//>` : t('message.erased')],
    ['word.account', html`<${Id} value=${message.appid} />`],
    ['word.template', html`<span>${template?.title} <${Id} value=${message.template_id} href=${url('/messages', { appid: message.appid, template_id: message.template_id })} /></span>`],
    ['word.client_msg_id', html`<${Id} value=${message.client_msg_id} />`],
    ['word.msgid', html`<${Id} value=${message.msgid} />`],
    ['word.scenario', message.scenario && html`<${Link} href=${url('/messages', { scenario: message.scenario })}>${message.scenario}<//>`],
    ['word.lane', t(`lane.${message.lane}`)],
    ['word.category', t(`category.${message.category}`)],
    ['message.variant', message.variant],
    ['message.basis', message.basis && t(`interaction.${message.basis}`)],
    ['message.reached_by', message.reached_by && t(`interaction.${message.reached_by}`)],
    ['message.on_time', message.on_time && onTime(message.on_time)],
    ['message.clicks', taps(message)],
    ['message.attempts', String(message.attempts)],
    ['message.due', html`<${Time} at=${message.due_at} />`],
    ['message.deadline', html`<${Time} at=${message.deadline} />`],
    ['message.expires', message.expires_at && html`<${Time} at=${message.expires_at} />`],
    ['message.settled', message.settled_at && html`<${Time} at=${message.settled_at} />`],
    ['message.url', message.url && html`<${Id} value=${message.url} short=${48} />`],
  ].filter(([, value]) => value);
  return html`<dl class="facts wide">${items.map(([key, value]) => html`<div key=${key}><dt>${t(key)}</dt><dd>${value}</dd></div>`)}</dl>`;
}

async function takeBack(message, again) {
  if (!(await ask({ title: t('message.cancel_ask'), text: t('message.cancel_text'), yes: t('message.cancel'), danger: true }))) return;
  try {
    await api.post(`/api/v1/messages/${message.id}/cancel`, {});
    toast(t('message.cancelled'), 'good');
  } catch (problem) {
    toast(problem.message, 'bad');
  }
  again();
}

async function sendAgain(message) {
  const doubt = message.state === 'unknown' ? t('message.again_doubt') : '';
  if (!(await ask({ title: t('message.again_ask'), text: `${doubt} ${t('message.again_text')}`.trim(), yes: t('message.again_yes'), danger: Boolean(doubt) }))) return;
  try {
    const { id } = await api.post(`/api/v1/messages/${message.id}/resend`, {});
    toast(t('message.sent_again'), 'good');
    go(`/messages/${id}`);
  } catch (problem) {
    toast(problem.message, 'bad');
  }
}

export default function Message({ id }) {
  const me = useMe();
  const every = (message) => (!message ? SETTLING_MS : FINAL.includes(message.state) ? 0 : message.state === 'sent' ? SETTLING_MS / 2 : LIVE_MS);
  const { data: message, problem, again } = useData((signal) => api.get(`/api/v1/messages/${id}`, {}, signal), [id], every);
  const template = useTemplates(message?.appid)[message?.template_id];
  const account = useAccounts().find(({ appid }) => appid === message?.appid);
  const look = useLook(message, template, me);
  if (!message) return problem ? html`<${Head} title=${t('word.message')} /><${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  return html`<${Head} title=${t('word.message')} note=${html`<span><${Id} value=${message.id} /> <${State} state=${message.state} /> ${cause(message.cause)}</span>`}>
      ${may(me, 'operator') && message.state === 'pending' && html`<button type="button" class="button danger" onClick=${() => takeBack(message, again)}>${t('message.cancel')}</button>`}
      ${may(me, 'operator') && message.touser && FINAL.includes(message.state) && html`<button type="button" class="button" onClick=${() => sendAgain(message)}>${t('message.again')}</button>`}<//>
    <div class="columns uneven"><${Card} title=${t('message.timeline')}><ol class="timeline" aria-live="polite">${message.timeline.map((moment, n) => html`<${Moment} key=${n} moment=${moment} />`)}</ol><//>
      <${Card}>${look ? html`<${Phone} preview=${look.preview} account=${account?.name} />${look.content && html`<div class="stack" data-part="now"><p><strong>${t('message.now')}</strong></p><${Judged} answer=${look} /></div>`}` : html`<p class="faint">${t('message.erased')}</p>`}<//></div>
    <${Card} title=${t('message.facts')}><${Facts} message=${message} template=${template} /><//>`;
}
