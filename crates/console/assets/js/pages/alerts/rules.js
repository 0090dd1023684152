// The rules: each as one sentence, changed, switched off, made.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { listed } from '../../format.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, go, useQuery } from '../../router.js';
import { Badge, Card, Loading, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Check, Field, FormTrouble, useForm } from '../../ui/form.js';
import { Table } from '../../ui/table.js';
import { toast } from '../../ui/toast.js';
import { METRICS, SEVERITIES, Severity, isOfErrcode, isReady, isShare, lasts, ruleName, sentence } from './measure.js';

words({
  zh: {
    'rules.when': '何时告警', 'rules.severity': '级别', 'rules.tells': '通知', 'rules.all_channels': '全部渠道', 'rules.repeat': '每 {time} 重复', 'rules.once': '只通知一次', 'rules.on': '启用', 'rules.off': '停用', 'rules.turn_off': '停用', 'rules.turn_on': '启用', 'rules.own': '自建', 'rules.make': '新建规则', 'rules.edit': '修改规则：{name}', 'rules.admin': '规则由管理员修改。', 'rules.saved': '已保存，下一分钟起生效', 'rules.for_accounts': '仅 {n} 个公众号', 'rules.by_template': '按模板',
    'rules.id': '规则代号', 'rules.id_hint': '小写字母、数字、- 和 _', 'rules.metric': '指标', 'rules.errcode': '错误码', 'rules.threshold': '告警线', 'rules.percent': '百分比，0–100', 'rules.seconds': '秒', 'rules.hours': '小时', 'rules.minutes': '分钟', 'rules.count': '次数', 'rules.flag': '1：没有令牌即告警', 'rules.clear': '恢复线（留空：告警线的好侧 10%）', 'rules.window': '统计窗口（分钟）', 'rules.least': '至少多少条才算', 'rules.lasting': '持续多久才告警（分钟）', 'rules.again': '未恢复时每隔多久再通知（分钟，0 为不再通知）', 'rules.scope': '按什么统计', 'rules.scope_account': '每个公众号', 'rules.scope_template': '每个模板', 'rules.appids': '只看这些公众号（appid，逗号分隔；留空：全部）', 'rules.channels': '通知哪些渠道（都不选：全部）', 'rules.no_channels': '还没有通知渠道', 'rules.reset': '恢复默认', 'rules.reset_ask': '恢复为出厂设置？', 'rules.reset_text': '对这条规则的修改会丢掉。', 'rules.delete_ask': '删除规则“{name}”？', 'rules.delete_text': '未恢复的告警随之结束。', 'rules.gone': '已恢复默认或删除',
  },
  en: {
    'rules.when': 'Alarms when', 'rules.severity': 'Severity', 'rules.tells': 'Tells', 'rules.all_channels': 'all channels', 'rules.repeat': 'again every {time}', 'rules.once': 'once', 'rules.on': 'on', 'rules.off': 'off', 'rules.turn_off': 'Switch off', 'rules.turn_on': 'Switch on', 'rules.own': 'own', 'rules.make': 'New rule', 'rules.edit': 'Change the rule: {name}', 'rules.admin': 'Rules are changed by an admin.', 'rules.saved': 'Saved; in force from the next minute', 'rules.for_accounts': '{n} accounts only', 'rules.by_template': 'by template',
    'rules.id': 'Name for programs', 'rules.id_hint': 'Small letters, digits, - and _', 'rules.metric': 'What is measured', 'rules.errcode': 'Error code', 'rules.threshold': 'Limit', 'rules.percent': 'per cent, 0 to 100', 'rules.seconds': 'seconds', 'rules.hours': 'hours', 'rules.minutes': 'minutes', 'rules.count': 'how often', 'rules.flag': '1: without a token', 'rules.clear': 'Over from (empty: a tenth on the good side)', 'rules.window': 'Counted over (minutes)', 'rules.least': 'Of at least so many', 'rules.lasting': 'For so long first (minutes)', 'rules.again': 'Told again every (minutes; 0: never)', 'rules.scope': 'Counted by', 'rules.scope_account': 'account', 'rules.scope_template': 'template', 'rules.appids': 'Of these accounts only (appids, commas between; empty: all)', 'rules.channels': 'Whom it tells (none chosen: all channels)', 'rules.no_channels': 'There is no channel yet', 'rules.reset': 'As it came', 'rules.reset_ask': 'Take the rule back to how it came?', 'rules.reset_text': 'What was changed of it is lost.', 'rules.delete_ask': 'Delete the rule “{name}”?', 'rules.delete_text': 'Its alerts are over with it.', 'rules.gone': 'Done: as it came, or gone',
  },
});

const BLANK = { id: '', name: '', metric: 'errcode_count', errcode: '', threshold: 1, clear: null, severity: 'warning', scope: 'account', appids: [], channels: [], window_minutes: 5, at_least: 0, for_minutes: 0, repeat_minutes: 240, enabled: true };
const UNITS = { backlog_age: 'seconds', quota_forecast: 'hours', webhook_failure: 'hours', callback_silence: 'minutes', token_failure: 'flag', brake_pulled: 'flag', approval_wait: 'minutes', errcode_count: 'count', template_changed: 'count' };
const WHOLE = ['window_minutes', 'at_least', 'for_minutes', 'repeat_minutes'];

/** Six decimals are enough for a share, and hide what floating point adds. */
const rounded = (value) => Math.round(value * 1e6) / 1e6;
const shownAs = (metric, value) => (value === null || value === undefined ? '' : String(rounded(isShare(metric) ? value * 100 : value)));
const givenAs = (metric, text) => (text === '' ? null : rounded(isShare(metric) ? Number(text) / 100 : Number(text)));

function requestOf({ appids, channels, ...values }) {
  const { metric, errcode, threshold, clear } = values;
  const whole = Object.fromEntries(WHOLE.map((name) => [name, Number(values[name])]));
  return {
    name: values.name.trim(), metric, severity: values.severity, scope: values.scope, enabled: values.enabled, ...whole, errcode: isOfErrcode(metric) && errcode !== '' ? Number(errcode) : null,
    threshold: givenAs(metric, threshold) ?? 0, clear: givenAs(metric, clear), appids: appids.split(/[\s,，]+/).filter(Boolean), channels,
  };
}

function Whom({ form, channels }) {
  const { channels: chosen } = form.values;
  const turn = (id) => form.put('channels', chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return html`<fieldset><legend>${t('rules.channels')}</legend>${channels.length ? channels.map(({ id, name }) => html`<label key=${id} class="check"><input type="checkbox" checked=${chosen.includes(id)} onChange=${() => turn(id)} />${name}</label>`) : html`<span class="faint">${t('rules.no_channels')}</span>`}</fieldset>`;
}

/** `rule`: the one to be changed; without an id, a new one. */
function Edit({ rule, channels, done }) {
  const { metric } = rule;
  const initial = { ...rule, errcode: rule.errcode ?? '', threshold: shownAs(metric, rule.threshold), clear: shownAs(metric, rule.clear), appids: rule.appids.join(', ') };
  const form = useForm(initial, async (values) => {
    if (rule.id) await api.patch(`/api/v1/alerts/rules/${rule.id}`, requestOf(values));
    else await api.post('/api/v1/alerts/rules', { id: values.id.trim(), ...requestOf(values) });
    toast(t('rules.saved'), 'good');
    done();
  });
  const ready = isReady(rule.id);
  const remove = async () => {
    const question = ready ? { title: t('rules.reset_ask'), text: t('rules.reset_text'), yes: t('rules.reset') } : { title: t('rules.delete_ask', { name: rule.name }), text: t('rules.delete_text'), yes: t('act.delete') };
    if (!(await ask({ ...question, danger: true }))) return;
    if (await act(() => api.delete(`/api/v1/alerts/rules/${rule.id}`, {}), t('rules.gone'))) done();
  };
  const now = form.values.metric;
  const unit = t(`rules.${isShare(now) ? 'percent' : UNITS[now]}`);
  const fields = ['id', 'name', 'metric', 'errcode', 'threshold', 'clear', 'severity', 'scope', 'appids', 'channels', ...WHOLE];
  const title = rule.id ? t('rules.edit', { name: ruleName(rule.id, rule.name) }) : t('rules.make');
  const minutes = (name, label, least) => html`<${Field} form=${form} name=${name} type="number" min=${least} label=${t(label)} required />`;
  return html`<${Card} title=${title} data-part="edit"><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${fields} /></div>
    ${!rule.id && html`<${Field} form=${form} name="id" label=${t('rules.id')} hint=${t('rules.id_hint')} autocomplete="off" required />`}<${Field} form=${form} name="name" label=${t('word.name')} required />
    <${Field} form=${form} name="metric" label=${t('rules.metric')} options=${METRICS.map((word) => [word, t(`metric.${word}`)])} />${isOfErrcode(now) && html`<${Field} form=${form} name="errcode" type="number" label=${t('rules.errcode')} required />`}
    <${Field} form=${form} name="threshold" type="number" min="0" step="any" label=${t('rules.threshold')} hint=${unit} required /><${Field} form=${form} name="clear" type="number" min="0" step="any" label=${t('rules.clear')} hint=${unit} />
    ${minutes('window_minutes', 'rules.window', 1)}${minutes('at_least', 'rules.least', 0)}${minutes('for_minutes', 'rules.lasting', 0)}${minutes('repeat_minutes', 'rules.again', 0)}
    <${Field} form=${form} name="severity" label=${t('rules.severity')} options=${SEVERITIES.map((word) => [word, t(`severity_of.${word}`)])} /><${Field} form=${form} name="scope" label=${t('rules.scope')} options=${['account', 'template'].map((word) => [word, t(`rules.scope_${word}`)])} />
    <${Field} form=${form} name="appids" label=${t('rules.appids')} autocomplete="off" /><${Whom} form=${form} channels=${channels} /><${Check} form=${form} name="enabled" label=${t('rules.on')} />
    <div class="form-acts apart"><div class="actions"><button class="button primary" disabled=${form.busy}>${t('act.save')}</button><button type="button" class="button" onClick=${done}>${t('act.cancel')}</button></div>
    ${rule.id && html`<button type="button" class="button danger" onClick=${remove}>${t(ready ? 'rules.reset' : 'act.delete')}</button>`}</div></form><//>`;
}

const tells = (rule) => [rule.channels.length ? listed(rule.channels) : t('rules.all_channels'), rule.repeat_minutes ? t('rules.repeat', { time: lasts(rule.repeat_minutes * 60) }) : t('rules.once')].join(' · ');
const about = (rule) => [rule.scope === 'template' && t('rules.by_template'), rule.appids.length > 0 && t('rules.for_accounts', { n: rule.appids.length })].filter(Boolean).join(' · ');

export default function Rules() {
  const me = useMe();
  const [query] = useQuery();
  const { data, problem, again } = useData((signal) => api.get('/api/v1/alerts/rules', {}, signal), []);
  const channels = useData((signal) => api.get('/api/v1/alerts/channels', {}, signal), []);
  const admin = may(me, 'admin');
  const done = () => {
    go(url('/alerts', { tab: 'rules' }), { replace: true });
    again();
  };
  const turn = async (rule) => {
    await act(() => api.patch(`/api/v1/alerts/rules/${rule.id}`, { enabled: !rule.enabled }), t('rules.saved'));
    again();
  };
  const columns = [
    { key: 'name', label: t('word.name'), cell: (row) => html`<span>${admin ? html`<${Link} href=${url('/alerts', { tab: 'rules', edit: row.id })}><strong>${ruleName(row.id, row.name)}</strong><//>` : html`<strong>${ruleName(row.id, row.name)}</strong>`} ${!isReady(row.id) && html`<${Badge} tone="info">${t('rules.own')}<//>`}</span>` },
    { key: 'when', label: t('rules.when'), cell: (row) => html`<span>${sentence(row)}${about(row) && html` <span class="faint">${about(row)}</span>`}</span>` },
    { key: 'severity', label: t('rules.severity'), cell: (row) => html`<${Severity} severity=${row.severity} />` },
    { key: 'tells', label: t('rules.tells'), cell: tells },
    { key: 'state', label: t('word.state'), cell: (row) => html`<${Badge} tone=${row.enabled ? 'good' : 'calm'}>${t(row.enabled ? 'rules.on' : 'rules.off')}<//>` },
    ...(admin ? [{ key: 'act', label: t('word.actions'), cell: (row) => html`<button type="button" class="button small" onClick=${() => turn(row)}>${t(row.enabled ? 'rules.turn_off' : 'rules.turn_on')}</button>` }] : []),
  ];
  if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  const rule = query.make ? BLANK : data.rules.find(({ id }) => id === query.edit);
  return html`<div class="stack" data-part="rules">${admin && rule && channels.data && html`<${Edit} key=${rule.id} rule=${rule} channels=${channels.data.channels} done=${done} />`}
    ${admin ? !rule && html`<div class="actions"><${Link} class="button primary" href=${url('/alerts', { tab: 'rules', make: 1 })}>${t('rules.make')}<//></div>` : html`<p class="note">${t('rules.admin')}</p>`}
    <${Table} columns=${columns} rows=${data.rules} id=${(row) => row.id} label=${t('alerts.rules')} /></div>`;
}
