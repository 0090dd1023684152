// Applications for custom templates: where each stands, what is overdue, what the month still allows.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { listed } from '../../format.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, go, useQuery } from '../../router.js';
import { Badge, Empty, Id, Time } from '../../ui/basic.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { PagedTable } from '../../ui/table.js';

words({
  zh: {
    'applications.state_draft': '草稿', 'applications.state_checked': '可以提交', 'applications.state_submitted': '微信审核中', 'applications.state_approved': '已通过', 'applications.state_rejected': '已驳回', 'applications.state_withdrawn': '已放弃', 'applications.overdue': '已超期', 'applications.expected': '预计', 'applications.month': '本月已提交 {n} / {all} 次', 'applications.month_full': '本月次数已用完，{at} 起可再提交。', 'applications.note': '模板库里找不到合适的模板时，向微信申请自定义模板：这里写好并检查，由人到微信公众平台提交，再把结果记回来。约三分之一的申请会被驳回，检查能提前发现多数原因。',
    'applications.none': '还没有自定义模板申请', 'applications.none_hint': '模板库里没有合适的模板时，从标题开始写一份。', 'applications.other': '没有这种状态的申请', 'applications.all': '看全部', 'applications.title': '标题', 'applications.keywords': '关键词', 'applications.changed': '最近变动', 'applications.review': '微信答复', 'applications.add': '新建申请', 'applications.add_go': '创建草稿', 'applications.add_hint': '写明是哪一类消息，如“设备故障通知”；最多 20 个字符', 'applications.untitled': '（无标题）',
  },
  en: {
    'applications.state_draft': 'draft', 'applications.state_checked': 'ready to hand in', 'applications.state_submitted': 'under review', 'applications.state_approved': 'approved', 'applications.state_rejected': 'rejected', 'applications.state_withdrawn': 'given up', 'applications.overdue': 'overdue', 'applications.expected': 'by', 'applications.month': '{n} of {all} handed in this month', 'applications.month_full': 'The month is used up: again from {at}.', 'applications.note': 'Where WeChat’s library has nothing that fits, apply for a template of your own: written and checked here, handed in at mp.weixin.qq.com by a person, its answer noted here. A third is rejected; the check finds most reasons beforehand.',
    'applications.none': 'No applications yet', 'applications.none_hint': 'Where the library has nothing that fits, begin one with its title.', 'applications.other': 'No application is in this state', 'applications.all': 'Show all', 'applications.title': 'Title', 'applications.keywords': 'Keywords', 'applications.changed': 'Last change', 'applications.review': 'WeChat’s answer', 'applications.add': 'New application', 'applications.add_go': 'Write a draft', 'applications.add_hint': 'Name the kind of message, like 设备故障通知; at most 20 characters', 'applications.untitled': '(no title)',
  },
});

export const STATES = ['draft', 'checked', 'submitted', 'approved', 'rejected', 'withdrawn'];
const TONES = { draft: 'calm', checked: 'info', submitted: 'info', approved: 'good', rejected: 'bad', withdrawn: 'calm' };

/** Where an application stands. */
export const Stands = ({ state }) => html`<${Badge} tone=${TONES[state]}>${t(`applications.state_${state}`)}<//>`;

/** By when WeChat should answer; late is said. */
export const Review = ({ review }) => (review
  ? html`<span>${t('applications.expected')} <${Time} at=${review.due_at} /> ${review.overdue && html`<${Badge} tone="bad">${t('applications.overdue')}<//>`}</span>`
  : html`<span class="faint">–</span>`);

/** How much of the month's three is used. */
export function Month({ month }) {
  const full = month.submitted >= month.allowed;
  const [before, after] = t('applications.month_full').split('{at}');
  return html`<div class="gauge"><span>${t('applications.month', { n: month.submitted, all: month.allowed })}</span><meter min="0" max=${month.allowed} high=${month.allowed - 1} value=${month.submitted} aria-label=${t('applications.month', { n: month.submitted, all: month.allowed })}></meter>
    ${full && html`<span class="fault">${before}<${Time} at=${month.next_at} />${after}</span>`}</div>`;
}

function Add({ appid }) {
  const form = useForm({ title: '' }, async ({ title }) => {
    const { id } = await api.post(`/api/v1/accounts/${appid}/applications`, { title: title.trim() });
    go(url(`/templates/applications/${id}`, { appid }));
  });
  return html`<details class="card" data-part="add"><summary><h2>${t('applications.add')}</h2></summary><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['title']} />
    <${Field} form=${form} name="title" label=${t('applications.title')} hint=${t('applications.add_hint')} required /><button class="button primary" disabled=${form.busy}>${t('applications.add_go')}</button></form></details>`;
}

const columns = (appid) => [
  { key: 'title', label: t('applications.title'), cell: (row) => html`<span><${Link} href=${url(`/templates/applications/${row.id}`, { appid })}><strong>${row.title || t('applications.untitled')}</strong><//><br /><${Id} value=${row.id} /></span>` },
  { key: 'state', label: t('word.state'), cell: (row) => html`<${Stands} state=${row.state} />` },
  { key: 'keywords', label: t('applications.keywords'), cell: (row) => listed(row.keywords.map(({ name }) => name)) || '–' },
  { key: 'review', label: t('applications.review'), cell: (row) => html`<${Review} review=${row.review} />` },
  { key: 'updated_at', label: t('applications.changed'), cell: (row) => html`<${Time} at=${row.updated_at} />` },
];

export default function Applications({ appid }) {
  const me = useMe();
  const [query, set] = useQuery();
  const state = STATES.includes(query.state) ? query.state : '';
  const page = useData((signal) => api.get(`/api/v1/accounts/${appid}/applications`, { state, cursor: query.cursor, limit: 50 }, signal), [appid, state, query.cursor]);
  const choice = html`<label class="filter narrow"><span>${t('word.state')}</span><select name="state" value=${state} onChange=${(event) => set({ state: event.target.value })}><option value="">${t('word.all')}</option>${STATES.map((word) => html`<option key=${word} value=${word} selected=${word === state}>${t(`applications.state_${word}`)}</option>`)}</select></label>`;
  const empty = state
    ? html`<${Empty} title=${t('applications.other')}><button type="button" class="button" onClick=${() => set({ state: '' })}>${t('applications.all')}</button><//>`
    : html`<${Empty} title=${t('applications.none')}><p>${t('applications.none_hint')}</p><//>`;
  return html`<div class="stack" data-part="applications"><p class="note">${t('applications.note')}</p><div class="apart">${choice}${page.data && html`<${Month} month=${page.data.month} />`}</div>
    <${PagedTable} page=${page} of=${(data) => data.applications} columns=${columns(appid)} id=${(row) => row.id} label=${t('templates.applications')} empty=${empty} />
    ${may(me, 'admin') && html`<${Add} appid=${appid} />`}</div>`;
}
