// What speaks against templates: risk, brakes, what WeChat blocked, complaints.
import { html } from '../../lib.js';
import { asTime } from '../../clock.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { number } from '../../format.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, useQuery } from '../../router.js';
import { useTemplates } from '../../known.js';
import { Badge, Empty, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { PagedTable, Table } from '../../ui/table.js';
import { toast } from '../../ui/toast.js';

words({
  zh: {
    'risk.days': '最近 {n} 天', 'risk.window': '统计范围', 'risk.score': '风险分（满分 1000）', 'risk.from': '熔断线 {n}', 'risk.off': '熔断未启用', 'risk.parts': '构成', 'risk.none': '还没有可统计的模板', 'risk.none_hint': '发送消息后，拦截、退订、取消关注和投诉会按模板统计在这里。', 'risk.braked': '已熔断', 'risk.fine': '正常', 'risk.clean': '没有负面信号',
    'brakes.on': '熔断中', 'brakes.all': '全部', 'brakes.none': '没有熔断的模板', 'brakes.none_hint': '风险分达到熔断线时，模板的消息会暂停并等待处理。', 'brakes.see_risk': '查看模板风险', 'brakes.pulled': '触发于', 'brakes.release': '解除', 'brakes.release_ask': '解除熔断？', 'brakes.release_text': '等待的消息会立即继续发送，仍受其他规则约束。', 'brakes.released': '已解除', 'brakes.observed': '仅观察', 'brakes.state': '熔断',
    'blocked.none': '微信没有拦截消息', 'blocked.none_hint': '每小时向微信查询一次每个模板的拦截记录。', 'blocked.at': '发送时间', 'blocked.found': '发现于', 'blocked.title': '模板标题', 'blocked.unknown': '不是本系统的消息',
    'complaints.add': '登记投诉', 'complaints.about': '关于', 'complaints.message': '消息编号', 'complaints.touser': '接收者 openid（一周内最近一条）', 'complaints.template': '模板', 'complaints.kind': '类型', 'complaints.kind_unwanted': '不想收到', 'complaints.kind_misleading': '内容误导', 'complaints.kind_fraud': '欺诈', 'complaints.kind_other': '其他', 'complaints.reference': '外部编号（可选，不含个人信息）', 'complaints.at': '发生时间（留空：现在）', 'complaints.value': '编号', 'complaints.new': '已登记', 'complaints.same': '此前已登记', 'complaints.unknown_message': '没有找到对应的消息', 'complaints.none': '没有投诉', 'complaints.none_hint': '可以手工登记，也可以由客服系统调用 POST /api/v1/complaints。', 'complaints.when': '发生于', 'complaints.received': '登记于',
  },
  en: {
    'risk.days': 'last {n} days', 'risk.window': 'Counted over', 'risk.score': 'Risk (of 1000)', 'risk.from': 'brakes at {n}', 'risk.off': 'brake is off', 'risk.parts': 'Made of', 'risk.none': 'No template has anything to count yet', 'risk.none_hint': 'Blocks, opt-outs, people who left and complaints are counted here by template.', 'risk.braked': 'braked', 'risk.fine': 'fine', 'risk.clean': 'nothing against it',
    'brakes.on': 'on', 'brakes.all': 'all', 'brakes.none': 'No template is braked', 'brakes.none_hint': 'When its risk reaches the line, a template’s messages wait for a person.', 'brakes.see_risk': 'See the risk of templates', 'brakes.pulled': 'Pulled', 'brakes.release': 'Release', 'brakes.release_ask': 'Release the brake?', 'brakes.release_text': 'What waits goes at once, as far as the other rules allow.', 'brakes.released': 'released', 'brakes.observed': 'observed only', 'brakes.state': 'Brakes',
    'blocked.none': 'WeChat has blocked nothing', 'blocked.none_hint': 'WeChat is asked about each template once an hour.', 'blocked.at': 'Sent', 'blocked.found': 'Found', 'blocked.title': 'Title', 'blocked.unknown': 'not a message of ours',
    'complaints.add': 'Note a complaint', 'complaints.about': 'About', 'complaints.message': 'Message id', 'complaints.touser': 'openid (their last message of a week)', 'complaints.template': 'Template', 'complaints.kind': 'Kind', 'complaints.kind_unwanted': 'unwanted', 'complaints.kind_misleading': 'misleading', 'complaints.kind_fraud': 'fraud', 'complaints.kind_other': 'other', 'complaints.reference': 'Your own id (optional, without personal data)', 'complaints.at': 'When (empty: now)', 'complaints.value': 'Id', 'complaints.new': 'Noted', 'complaints.same': 'It was noted before', 'complaints.unknown_message': 'No message was found for it', 'complaints.none': 'No complaints', 'complaints.none_hint': 'Note one by hand, or let the help desk call POST /api/v1/complaints.', 'complaints.when': 'When', 'complaints.received': 'Noted',
  },
});

const template = (templates, appid, id) => html`<span><${Link} href=${url('/messages', { appid, template_id: id })}>${templates[id]?.title || id}<//></span>`;
const Parts = ({ parts }) => (parts.length
  ? html`<span class="words">${parts.map((part) => html`<span key=${part.signal}>${t(`signal.${part.signal}`)} ${number(part.count)} <span class="faint">+${number(part.adds)}</span></span>`)}</span>`
  : html`<span class="faint">${t('risk.clean')}</span>`);

function Choice({ name, label, value, options }) {
  const [, set] = useQuery();
  return html`<label class="filter narrow"><span>${label}</span><select name=${name} value=${value} onChange=${(event) => set({ [name]: event.target.value })}>${options.map(([word, text]) => html`<option key=${word} value=${word} selected=${word === value}>${text}</option>`)}</select></label>`;
}

export function Risk({ appid }) {
  const [query] = useQuery();
  const days = query.days || '7';
  const { data, problem, again } = useData((signal) => api.get('/api/v1/compliance/risk', { appid, days }, signal), [appid, days]);
  const templates = useTemplates(appid);
  const columns = [
    { key: 'template', label: t('word.template'), cell: (row) => template(templates, appid, row.template_id) },
    { key: 'state', label: t('word.state'), cell: (row) => (row.braked ? html`<${Link} href=${url('/compliance', { appid, tab: 'brakes' })}><${Badge} tone="bad">${t('risk.braked')}<//><//>` : html`<${Badge} tone="good">${t('risk.fine')}<//>`) },
    { key: 'score', label: t('risk.score'), cell: (row) => html`<span><meter min="0" max=${Math.max(row.brake_from || 100, row.score)} high=${(row.brake_from || 100) * 0.7} value=${row.score} aria-label=${t('risk.score')} /><strong>${number(row.score)}</strong> <span class="faint">${row.brake_from === null ? t('risk.off') : t('risk.from', { n: number(row.brake_from) })}</span></span>` },
    { key: 'parts', label: t('risk.parts'), cell: (row) => html`<${Parts} parts=${row.parts} />` },
    { key: 'sent', label: t('word.sent'), num: true, cell: (row) => number(row.sent) },
  ];
  return html`<div class="stack" data-part="risk"><${Choice} name="days" label=${t('risk.window')} value=${days} options=${['1', '7', '30'].map((n) => [n, t('risk.days', { n })])} />
    <${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${data && html`<${Table} columns=${columns} rows=${data.templates} id=${(row) => row.template_id} label=${t('compliance.risk')} empty=${html`<${Empty} title=${t('risk.none')}><p>${t('risk.none_hint')}</p><${Link} class="button" href="/start">${t('nav.start')}<//><//>`} />`}</div>`;
}

export function Brakes({ appid }) {
  const me = useMe();
  const [query] = useQuery();
  const state = query.state === 'all' ? 'all' : 'on';
  const { data, problem, again } = useData((signal) => api.get('/api/v1/compliance/brakes', { appid, state }, signal), [appid, state]);
  const templates = useTemplates(appid);
  const release = async (row) => {
    const reason = await ask({ title: t('brakes.release_ask'), text: t('brakes.release_text'), yes: t('brakes.release'), reason: t('word.reason') });
    if (!reason) return;
    await act(() => api.post(`/api/v1/compliance/brakes/${row.id}/release`, { reason }), t('brakes.released'));
    again();
  };
  const columns = [
    { key: 'subject', label: t('word.template'), cell: (row) => template(templates, appid, row.subject) },
    { key: 'score', label: t('risk.score'), num: true, cell: (row) => number(row.score) },
    { key: 'parts', label: t('risk.parts'), cell: (row) => html`<${Parts} parts=${row.parts} />` },
    { key: 'pulled_at', label: t('brakes.pulled'), cell: (row) => html`<${Time} at=${row.pulled_at} />` },
    { key: 'act', label: t('word.actions'), cell: (row) => (row.released_at
      ? html`<span><${Badge}>${t('brakes.released')}<//> <${Time} at=${row.released_at} /> <span class="faint">${row.released_by}: ${row.reason}</span></span>`
      : html`<span>${row.observed && html`<${Badge} tone="warn">${t('brakes.observed')}<//> `}${may(me, 'admin') ? html`<button type="button" class="button small" onClick=${() => release(row)}>${t('brakes.release')}</button>` : html`<${Badge} tone="bad">${t('brakes.on')}<//>`}</span>`) },
  ];
  const empty = html`<${Empty} title=${t('brakes.none')}><p>${t('brakes.none_hint')}</p><${Link} class="button" href=${url('/compliance', { appid, tab: 'risk' })}>${t('brakes.see_risk')}<//><//>`;
  return html`<div class="stack" data-part="brakes"><${Choice} name="state" label=${t('brakes.state')} value=${state} options=${['on', 'all'].map((word) => [word, t(`brakes.${word}`)])} />
    <${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${data && html`<${Table} columns=${columns} rows=${data.brakes} id=${(row) => row.id} label=${t('compliance.brakes')} empty=${empty} />`}</div>`;
}

export function Blocked({ appid }) {
  const [query] = useQuery();
  const page = useData((signal) => api.get('/api/v1/compliance/blocked', { appid, template_id: query.template_id, cursor: query.cursor }, signal), [appid, query.template_id, query.cursor]);
  const templates = Object.values(useTemplates(appid));
  const columns = [
    { key: 'blocked_at', label: t('blocked.at'), cell: (row) => html`<${Time} at=${row.blocked_at} />` },
    { key: 'title', label: t('blocked.title') },
    { key: 'message', label: t('word.message'), cell: (row) => (row.message ? html`<${Id} value=${row.message} short=${14} href=${`/messages/${row.message}`} />` : html`<span class="faint">${t('blocked.unknown')}</span>`) },
    { key: 'found_at', label: t('blocked.found'), cell: (row) => html`<${Time} at=${row.found_at} />` },
  ];
  const empty = html`<${Empty} title=${t('blocked.none')}><p>${t('blocked.none_hint')}</p><//>`;
  return html`<div class="stack" data-part="blocked"><${Choice} name="template_id" label=${t('word.template')} value=${query.template_id || ''} options=${[['', t('word.all')], ...templates.map((one) => [one.template_id, one.title])]} />
    <${PagedTable} page=${page} of=${(data) => data.blocked} columns=${columns} id=${(row) => `${row.template_id}.${row.id}`} label=${t('compliance.blocked')} empty=${empty} /></div>`;
}

function Complain({ appid, again }) {
  const templates = Object.values(useTemplates(appid));
  const form = useForm({ about: 'message', value: '', kind: 'unwanted', reference: '', at: '' }, async ({ about, value, kind, reference, at }) => {
    const named = about === 'template_id' ? value || templates[0]?.template_id : value.trim();
    const { results } = await api.post('/api/v1/complaints', { appid, [about]: named, kind, ...(reference && { reference: reference.trim() }), occurred_at: asTime(at) });
    const [{ result }] = results;
    toast(t(`complaints.${result}`), result === 'unknown_message' ? 'bad' : 'good');
    if (result !== 'unknown_message') form.put('value', '');
    again();
  });
  const { about } = form.values;
  const options = about === 'template_id' ? templates.map((one) => [one.template_id, one.title]) : undefined;
  return html`<details class="card"><summary><h2>${t('complaints.add')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['message', 'touser', 'template_id', 'kind', 'reference', 'occurred_at']} /></div>
    <${Field} form=${form} name="about" label=${t('complaints.about')} options=${[['message', t('complaints.message')], ['touser', t('complaints.touser')], ['template_id', t('complaints.template')]]} />
    <${Field} key=${about} form=${form} name="value" at=${about} label=${about === 'template_id' ? t('word.template') : t('complaints.value')} options=${options} required />
    <${Field} form=${form} name="kind" label=${t('complaints.kind')} options=${['unwanted', 'misleading', 'fraud', 'other'].map((kind) => [kind, t(`complaints.kind_${kind}`)])} />
    <${Field} form=${form} name="at" at="occurred_at" type="datetime-local" label=${t('complaints.at')} /><${Field} form=${form} name="reference" label=${t('complaints.reference')} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('complaints.add')}</button></div></form></details>`;
}

export function Complaints({ appid }) {
  const me = useMe();
  const [query] = useQuery();
  const page = useData((signal) => api.get('/api/v1/complaints', { appid, cursor: query.cursor }, signal), [appid, query.cursor]);
  const templates = useTemplates(appid);
  const columns = [
    { key: 'occurred_at', label: t('complaints.when'), cell: (row) => html`<${Time} at=${row.occurred_at} />` },
    { key: 'kind', label: t('complaints.kind'), cell: (row) => t(`complaints.kind_${row.kind}`) },
    { key: 'template', label: t('word.template'), cell: (row) => (row.template_id ? template(templates, appid, row.template_id) : '–') },
    { key: 'message', label: t('word.message'), cell: (row) => html`<${Id} value=${row.message} short=${14} href=${`/messages/${row.message}`} />` },
    { key: 'reference', label: t('complaints.value'), cell: (row) => html`<${Id} value=${row.reference} short=${20} />` },
    { key: 'received_at', label: t('complaints.received'), cell: (row) => html`<${Time} at=${row.received_at} />` },
  ];
  const empty = html`<${Empty} title=${t('complaints.none')}><p>${t('complaints.none_hint')}</p><//>`;
  return html`<div class="stack" data-part="complaints">${may(me, 'operator') && html`<${Complain} appid=${appid} again=${page.again} />`}
    <${PagedTable} page=${page} of=${(data) => data.complaints} columns=${columns} id=${(row) => row.id} label=${t('compliance.complaints')} empty=${empty} /></div>`;
}
