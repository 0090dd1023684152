// Approvals: each with the text it is about and what was found in it, decided one by one or alike together.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, useQuery } from '../../router.js';
import { useTemplates } from '../../known.js';
import { Badge, Empty, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Findings, Marked } from '../../ui/marked.js';

words({
  zh: {
    'approvals.state_waiting': '待审', 'approvals.state_approved': '已通过', 'approvals.state_rejected': '已拒绝', 'approvals.state_lapsed': '已失效', 'approvals.none': '没有等待审批的消息', 'approvals.none_hint': '词表标为“待审”的词出现在消息里时，消息会停在这里。', 'approvals.words': '查看词表', 'approvals.other': '没有这种状态的审批', 'approvals.all': '看全部',
    'approvals.approve': '通过', 'approvals.reject': '拒绝', 'approvals.approve_ask': '通过这条消息？', 'approvals.reject_ask': '拒绝这条消息？', 'approvals.reject_text': '消息不会发送，也不能恢复。', 'approvals.approve_text': '消息会在应发时间发送。', 'approvals.approve_alike': '同样的全部通过', 'approvals.reject_alike': '同样的全部拒绝', 'approvals.approve_alike_ask': '通过全部同样的消息？', 'approvals.reject_alike_ask': '拒绝全部同样的消息？',
    'approvals.decided': '已处理 {n} 条', 'approvals.asked': '提交于', 'approvals.expires': '失效于', 'approvals.by': '由 {by} 处理', 'approvals.erased': '内容已删除', 'approvals.open': '查看消息', 'approvals.admin': '审批需要管理员角色。',
  },
  en: {
    'approvals.state_waiting': 'waiting', 'approvals.state_approved': 'approved', 'approvals.state_rejected': 'rejected', 'approvals.state_lapsed': 'lapsed', 'approvals.none': 'Nothing waits for approval', 'approvals.none_hint': 'A message with a word that the list holds for review stops here.', 'approvals.words': 'See the word list', 'approvals.other': 'No approval is in this state', 'approvals.all': 'Show all',
    'approvals.approve': 'Approve', 'approvals.reject': 'Reject', 'approvals.approve_ask': 'Approve this message?', 'approvals.reject_ask': 'Reject this message?', 'approvals.reject_text': 'It is not sent, for good.', 'approvals.approve_text': 'It goes when it is due.', 'approvals.approve_alike': 'Approve all alike', 'approvals.reject_alike': 'Reject all alike', 'approvals.approve_alike_ask': 'Approve all that are alike?', 'approvals.reject_alike_ask': 'Reject all that are alike?',
    'approvals.decided': '{n} decided', 'approvals.asked': 'Asked', 'approvals.expires': 'Lapses', 'approvals.by': 'by {by}', 'approvals.erased': 'Its content was erased', 'approvals.open': 'Open the message', 'approvals.admin': 'Deciding takes the role admin.',
  },
});

const STATES = ['waiting', 'approved', 'rejected', 'lapsed'];
const TONES = { waiting: 'warn', approved: 'good', rejected: 'bad', lapsed: 'calm' };
/** Each is shown with its message's text, which is asked for one by one. */
const PAGE = 20;

function Text({ approval, templates }) {
  const { data: message, problem } = useData((signal) => api.get(`/api/v1/messages/${approval.message}`, {}, signal), [approval.message]);
  if (problem) return html`<${Trouble} problem=${problem} />`;
  if (!message) return html`<${Loading} />`;
  if (!message.data) return html`<p class="faint">${t('approvals.erased')}</p>`;
  const template = templates[message.template_id];
  const found = (place, field) => approval.findings.filter((one) => one.place === place && (!field || one.field === field));
  const label = (name) => template?.fields?.find((field) => field.name === name)?.label || name;
  return html`<div class="phone-card"><p class="phone-title"><${Marked} text=${template?.title || message.template_id} found=${found('title')} /></p>
    <dl>${Object.entries(message.data).map(([name, field]) => html`<div key=${name}><dt><${Marked} text=${label(name)} found=${found('label', name)} /></dt><dd><${Marked} text=${String(field?.value ?? field)} found=${found('value', name)} /></dd></div>`)}</dl></div>`;
}

/** Asks why and decides; `alike`: with all others of the same words in the same template. */
async function decide({ appid, approval, decision, alike, again }) {
  const key = alike ? `${decision}_alike` : decision;
  const reason = await ask({ title: t(`approvals.${key}_ask`), text: t(`approvals.${decision}_text`), yes: t(`approvals.${decision}`), reason: t('word.reason'), danger: decision === 'reject' });
  if (!reason) return;
  const which = alike ? { alike: approval.alike } : { ids: [approval.id] };
  await act(() => api.post('/api/v1/approvals/decide', { appid, decision, reason, ...which }), t('act.done'));
  again();
}

function One({ approval, appid, templates, several, again }) {
  const me = useMe();
  const doing = (decision, alike) => () => decide({ appid, approval, decision, alike, again });
  const waiting = approval.state === 'waiting';
  return html`<li class="card approval" data-approval=${approval.id}><${Text} approval=${approval} templates=${templates} />
    <div class="stack"><p><${Badge} tone=${TONES[approval.state]}>${t(`approvals.state_${approval.state}`)}<//> <${Link} href=${`/messages/${approval.message}`}>${t('approvals.open')}<//></p>
    <${Findings} found=${approval.findings} />
    <p class="faint">${t('approvals.asked')} <${Time} at=${approval.asked_at} /> · ${t('approvals.expires')} <${Time} at=${approval.expires_at} /></p>
    ${approval.decided_at && html`<p>${approval.reason} <span class="faint">${t('approvals.by', { by: approval.decided_by })} <${Time} at=${approval.decided_at} /></span></p>`}
    ${waiting && may(me, 'admin') && html`<div class="actions"><button type="button" class="button primary" onClick=${doing('approve')}>${t('approvals.approve')}</button><button type="button" class="button danger" onClick=${doing('reject')}>${t('approvals.reject')}</button>
      ${several && html`<button type="button" class="button" onClick=${doing('approve', true)}>${t('approvals.approve_alike')}</button><button type="button" class="button" onClick=${doing('reject', true)}>${t('approvals.reject_alike')}</button>`}</div>`}
    ${waiting && !may(me, 'admin') && html`<p class="faint">${t('approvals.admin')}</p>`}</div></li>`;
}

export default function Approvals({ appid }) {
  const [query, set] = useQuery();
  const state = query.state || 'waiting';
  const page = useData((signal) => api.get('/api/v1/approvals', { appid, state: state === 'all' ? '' : state, cursor: query.cursor, limit: PAGE }, signal), [appid, state, query.cursor]);
  const templates = useTemplates(appid);
  const approvals = page.data?.approvals;
  const several = (one) => approvals.filter((other) => other.alike === one.alike && other.state === 'waiting').length > 1;
  const choice = html`<label class="filter narrow"><span>${t('word.state')}</span><select name="state" value=${state} onChange=${(event) => set({ state: event.target.value })}>${[...STATES, 'all'].map((word) => html`<option key=${word} value=${word} selected=${word === state}>${word === 'all' ? t('word.all') : t(`approvals.state_${word}`)}</option>`)}</select></label>`;
  const empty = state === 'waiting'
    ? html`<${Empty} title=${t('approvals.none')}><p>${t('approvals.none_hint')}</p><${Link} class="button" href=${`/compliance?tab=words&appid=${appid}`}>${t('approvals.words')}<//><//>`
    : html`<${Empty} title=${t('approvals.other')}><button type="button" class="button" onClick=${() => set({ state: 'all' })}>${t('approvals.all')}</button><//>`;
  return html`<div class="stack" data-part="approvals">${choice}<${Trouble} problem=${page.problem} again=${page.again} />${!approvals && !page.problem && html`<${Loading} />`}
    ${approvals && (approvals.length ? html`<ul class="stack">${approvals.map((one) => html`<${One} key=${one.id} approval=${one} appid=${appid} templates=${templates} several=${several(one)} again=${page.again} />`)}</ul>` : empty)}
    <div class="paging">${query.cursor && html`<button type="button" class="button" onClick=${() => set({})}>${t('act.first')}</button>`}${page.data?.next_cursor && html`<button type="button" class="button" onClick=${() => set({ cursor: page.data.next_cursor })}>${t('act.next')}</button>`}</div></div>`;
}
