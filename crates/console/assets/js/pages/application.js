// One application for a custom template: written beside the phone, checked, handed in by a person, answered.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { lang, t, words } from '../i18n.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link } from '../router.js';
import { Card, Command, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { ask } from '../ui/confirm.js';
import { AccountPage } from '../ui/place.js';
import { Draft } from './application/draft.js';
import { Answer } from './application/answer.js';
import { Month, Review, Stands } from './templates/applications.js';

words({
  zh: {
    'application.title': '自定义模板申请', 'application.next': '下一步', 'application.draft_next': '填好每一项，点“保存并检查”。检查通过后就可以提交。', 'application.checked_next': '到微信公众平台的“模板消息”里提交下面的内容，再回来点“已在微信提交”。', 'application.submitted_next': '等待微信答复；收到后记在这里。', 'application.approved_next': '微信已通过。同步模板后就可以使用。', 'application.rejected_next': '按微信的意见修改，重新检查后再提交。', 'application.withdrawn_next': '已放弃。需要时新建一份。',
    'application.submit': '已在微信提交', 'application.submit_ask': '确认已在微信公众平台提交？', 'application.submit_text': '会计入本月的次数，之后不能再改，直到微信答复。', 'application.submitted': '已记录，等待微信答复', 'application.withdraw': '放弃申请', 'application.withdraw_ask': '放弃这份申请？', 'application.withdraw_text': '不能恢复；已提交的次数仍然计数。', 'application.withdrawn': '已放弃', 'application.history': '经过', 'application.by': '记录人：{who}', 'application.template': '成为模板', 'application.what': '提交内容', 'application.sync': '去同步模板', 'application.industry': '行业', 'application.keywords': '关键词', 'application.sample': '示例', 'application.purpose': '用途', 'application.links': '链接', 'application.name': '标题', 'application.viewer': '填写和提交需要管理员角色。',
  },
  en: {
    'application.title': 'Application for a template', 'application.next': 'Next', 'application.draft_next': 'Fill in everything and “Save and check”. When the check finds nothing, it may be handed in.', 'application.checked_next': 'Hand in what stands below in WeChat’s console (模板消息), then come back and say so.', 'application.submitted_next': 'WeChat reviews it; note its answer here.', 'application.approved_next': 'WeChat took it. Sync the templates to use it.', 'application.rejected_next': 'Change what WeChat names, check it and hand it in again.', 'application.withdrawn_next': 'It was given up. Write a new one when it is needed.',
    'application.submit': 'It is handed in', 'application.submit_ask': 'Was it handed in at mp.weixin.qq.com?', 'application.submit_text': 'It counts for this month, and cannot be changed until WeChat answers.', 'application.submitted': 'Noted; waiting for WeChat', 'application.withdraw': 'Give it up', 'application.withdraw_ask': 'Give this application up?', 'application.withdraw_text': 'For good; what was handed in stays counted.', 'application.withdrawn': 'Given up', 'application.history': 'What happened', 'application.by': 'noted by {who}', 'application.template': 'It became', 'application.what': 'What is handed in', 'application.sync': 'Go and sync', 'application.industry': 'Industry', 'application.keywords': 'Keywords', 'application.sample': 'Sample', 'application.purpose': 'Purpose', 'application.links': 'Links', 'application.name': 'Title', 'application.viewer': 'Writing and handing in takes the role admin.',
  },
});

const STAGES = ['draft', 'checked', 'submitted', 'approved'];
const EDITABLE = ['draft', 'checked', 'rejected'];
const TONES = { approved: 'good', rejected: 'bad', submitted: 'warn' };

/** The way to a template, and how far it has come. */
function Stages({ state }) {
  const way = state === 'rejected' || state === 'withdrawn' ? [...STAGES.slice(0, 3), state] : STAGES;
  const here = way.indexOf(state);
  return html`<ol class="stages">${way.map((stage, at) => html`<li key=${stage} class=${at < here ? 'past' : at === here ? `here ${stage}` : ''} aria-current=${at === here ? 'step' : undefined}>${t(`applications.state_${stage}`)}</li>`)}</ol>`;
}

/** The text to be entered at WeChat's. */
function text(application, industries) {
  const row = industries?.find(({ code }) => code === application.industry);
  const named = row && (lang() === 'zh' ? `${row.primary_zh} / ${row.secondary_zh}` : `${row.primary_en} / ${row.secondary_en}`);
  const lines = application.keywords.map(({ name, type }, at) => `${at + 1}. ${name} (${type}) ${application.sample[name] || ''}`);
  const parts = [['name', application.title], ['industry', named || ''], ['keywords', `\n${lines.join('\n')}`], ['purpose', application.purpose], ['links', application.links.join(' ')]];
  return parts.filter(([, value]) => value).map(([key, value]) => `${t(`application.${key}`)}: ${value}`).join('\n');
}

function History({ appid, steps }) {
  return html`<${Card} title=${t('application.history')}><ol class="timeline">${[...steps].reverse().map((step, at) => html`<li key=${at} class=${`moment ${TONES[step.state] || ''}`}><div class="moment-head"><${Stands} state=${step.state} /><${Time} at=${step.at} /></div>
    ${step.reason && html`<p class="said">${step.reason}</p>`}${step.reviewer && html`<p class="faint">${t('application.by', { who: step.reviewer })}</p>`}
    ${step.template_id && html`<p>${t('application.template')} <${Id} value=${step.template_id} short=${14} href=${url(`/templates/${step.template_id}`, { appid })} /></p>`}</li>`)}</ol><//>`;
}

function Next({ appid, path, application, month, again }) {
  const me = useMe();
  const { state } = application;
  const submit = async () => {
    if (!(await ask({ title: t('application.submit_ask'), text: t('application.submit_text'), yes: t('application.submit') }))) return;
    await act(() => api.post(`${path}/submit`, {}), t('application.submitted'));
    again();
  };
  const withdraw = async () => {
    if (!(await ask({ title: t('application.withdraw_ask'), text: t('application.withdraw_text'), yes: t('application.withdraw'), danger: true }))) return;
    await act(() => api.post(`${path}/withdraw`, {}), t('application.withdrawn'));
    again();
  };
  const admin = may(me, 'admin');
  const aside = admin && !['approved', 'withdrawn'].includes(state) && html`<button type="button" class="button small danger" onClick=${withdraw}>${t('application.withdraw')}</button>`;
  return html`<${Card} title=${t('application.next')} aside=${aside} data-part="next"><p>${t(`application.${state}_next`)}</p>${state === 'rejected' && html`<p class="said">${application.steps.at(-1).reason}</p>`}
    ${state === 'submitted' && html`<p><${Review} review=${application.review} /></p>`}${['checked', 'rejected'].includes(state) && month && html`<${Month} month=${month} />`}
    ${!admin && html`<p class="faint">${t('application.viewer')}</p>`}
    ${admin && state === 'submitted' && html`<${Answer} appid=${appid} path=${path} again=${again} />`}
    ${admin && state === 'checked' && html`<div><button type="button" class="button primary" onClick=${submit}>${t('application.submit')}</button></div>`}
    ${admin && state === 'approved' && html`<div><${Link} class="button primary" href=${url('/templates', { appid })}>${t('application.sync')}<//></div>`}<//>`;
}

function One({ account, id }) {
  const me = useMe();
  const { appid } = account;
  const base = `/api/v1/accounts/${appid}/applications`;
  const { data, problem, again } = useData((signal) => api.get(`${base}/${id}`, {}, signal), [appid, id]);
  // The month is counted for the whole account; its list tells it.
  const list = useData((signal) => api.get(base, { limit: 1 }, signal), [appid, data?.state]);
  const table = useData((signal) => api.get('/api/v1/industries', {}, signal), []);
  if (!data || !table.data) return problem || table.problem ? html`<${Trouble} problem=${problem || table.problem} again=${again} />` : html`<${Loading} />`;
  const editable = may(me, 'admin') && EDITABLE.includes(data.state);
  const path = `${base}/${id}`;
  return html`<${Stages} state=${data.state} /><${Next} appid=${appid} path=${path} application=${data} month=${list.data?.month} again=${again} />
    ${data.state !== 'draft' && html`<${Card} title=${t('application.what')} data-part="what"><${Command}>${text(data, table.data.industries)}<//><//>`}
    ${editable && html`<${Draft} path=${path} account=${account} application=${data} industries=${table.data.industries} again=${again} />`}
    <${History} appid=${appid} steps=${data.steps} />`;
}

export default function Application({ id }) {
  const acts = ({ appid }) => html`<${Link} class="button" href=${url('/templates', { appid, tab: 'applications' })}>${t('act.back')}<//>`;
  return html`<${AccountPage} title=${t('application.title')} note=${html`<${Id} value=${id} />`} acts=${acts}>${(account) => html`<${One} key=${`${account.appid}.${id}`} account=${account} id=${id} />`}<//>`;
}
