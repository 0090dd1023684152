// One scenario: tried without sending, how punctual it was, its variants, every text it ever had.
import { html, useState } from '../lib.js';
import { api, url } from '../api.js';
import { said, t, words } from '../i18n.js';
import { lasting, number, span } from '../format.js';
import { localOf, today } from '../clock.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, go } from '../router.js';
import { useTemplates } from '../known.js';
import { Badge, Card, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { Chart, shareRange } from '../ui/chart.js';
import { ask } from '../ui/confirm.js';
import { Check, Field, FormTrouble, useForm } from '../ui/form.js';
import { Findings } from '../ui/marked.js';
import { Look, useLook } from '../ui/look.js';
import { AccountPage } from '../ui/place.js';
import { Editor, Faults } from '../ui/scenario.js';
import { Table } from '../ui/table.js';
import { Judged } from '../ui/verdict.js';
import { OnTime } from './scenarios.js';

words({
  zh: {
    'scenario.try': '试运行（不发送）', 'scenario.try_note': '手机上的样子随参数变化。试运行会走一遍检查，并说明会不会发送。', 'scenario.touser': '接收者 openid', 'scenario.go': '试运行', 'scenario.fields': '填写方式', 'scenario.advice': '可以改进', 'scenario.content': '词表发现', 'scenario.on_time': '准时率（7 天）', 'scenario.on_time_n': '准时', 'scenario.late_n': '迟到', 'scenario.expired_n': '过期', 'scenario.late_mean': '平均迟到', 'scenario.lost': '迟到耗时在',
    'scenario.hold_ms': '策略暂缓', 'scenario.pause_ms': '公众号暂停', 'scenario.pace_ms': '排队', 'scenario.claim_ms': '等待投递', 'scenario.wechat_ms': '微信', 'scenario.nothing_yet': '7 天内没有发送', 'param.text': '文字', 'param.number': '数字', 'param.money': '金额（元）', 'param.time': '时间', 'param.bool': '是或否', 'param.phone': '电话', 'scenario.by_day': '每天的准时率（{n} 天）', 'scenario.variants': '版本对比（A/B）', 'scenario.variant': '版本', 'scenario.weight': '权重', 'scenario.clicked': '点击人数', 'scenario.rate': '点击率', 'scenario.interval': '95% 区间', 'scenario.stop': '停用', 'scenario.stopped': '已停用', 'scenario.stop_ask': '停用版本 {name}？', 'scenario.stop_text': '之后的消息改用其他版本，已受理的不变。',
    'scenario.versions': '历史版本', 'scenario.version': '第 {n} 版', 'scenario.removed': '停用于', 'scenario.now': '当前', 'scenario.edit': '修改', 'scenario.delete_ask': '停用场景“{name}”？', 'scenario.delete_text': '之后不能再触发；已受理的消息继续发送。', 'scenario.deleted': '已停用', 'scenario.remove': '停用', 'scenario.tolerance': '容许延迟', 'scenario.basis': '互动依据', 'scenario.params': '参数', 'scenario.curl': '程序这样触发', 'scenario.operator': '试运行需要运营角色。',
  },
  en: {
    'scenario.try': 'Try it (nothing is sent)', 'scenario.try_note': 'The phone follows the params. A try asks all checks and says whether it would go.', 'scenario.touser': 'openid of the recipient', 'scenario.go': 'Try', 'scenario.fields': 'Filled by', 'scenario.advice': 'Could be better', 'scenario.content': 'Found by the word list', 'scenario.on_time': 'On time (7 days)', 'scenario.on_time_n': 'on time', 'scenario.late_n': 'late', 'scenario.expired_n': 'expired', 'scenario.late_mean': 'Late by, on average', 'scenario.lost': 'Time was lost at',
    'scenario.hold_ms': 'held by a rule', 'scenario.pause_ms': 'account paused', 'scenario.pace_ms': 'its turn', 'scenario.claim_ms': 'a free slot', 'scenario.wechat_ms': 'WeChat', 'scenario.nothing_yet': 'Nothing went in 7 days', 'param.text': 'text', 'param.number': 'number', 'param.money': 'money (yuan)', 'param.time': 'time', 'param.bool': 'yes or no', 'param.phone': 'phone number', 'scenario.by_day': 'On time by day ({n} days)', 'scenario.variants': 'Variants (A/B)', 'scenario.variant': 'Variant', 'scenario.weight': 'Weight', 'scenario.clicked': 'Tapped', 'scenario.rate': 'Rate', 'scenario.interval': '95 % interval', 'scenario.stop': 'Stop', 'scenario.stopped': 'stopped', 'scenario.stop_ask': 'Stop the variant {name}?', 'scenario.stop_text': 'From now on its people get the others; what was accepted goes on.',
    'scenario.versions': 'Versions', 'scenario.version': 'version {n}', 'scenario.removed': 'out of force', 'scenario.now': 'in force', 'scenario.edit': 'Change', 'scenario.delete_ask': 'Take “{name}” out of force?', 'scenario.delete_text': 'It can be triggered no more; messages that were accepted go on.', 'scenario.deleted': 'Out of force', 'scenario.remove': 'Take out of force', 'scenario.tolerance': 'Tolerance', 'scenario.basis': 'Basis', 'scenario.params': 'Params', 'scenario.curl': 'Programs trigger it like this', 'scenario.operator': 'Trying takes the role operator.',
  },
});

/** What was typed, as the param's kind wants it. */
const typed = (kind, value) => (kind === 'number' && /^-?\d{1,15}$/.test(value) ? Number(value) : kind === 'bool' ? Boolean(value) : value);

function Try({ scenario, account }) {
  const me = useMe();
  const { appid } = account;
  const [answer, show] = useState(null);
  const params = Object.entries(scenario.params || {});
  const initial = Object.fromEntries(params.map(([name, param]) => [`params.${name}`, param.example ?? '']));
  const given = (values) => Object.fromEntries(params.map(([name, param]) => [name, typed(param.type, values[`params.${name}`])]).filter(([, value]) => value !== ''));
  const form = useForm({ touser: '', ...initial }, async (values) => {
    show(null);
    show(await api.post(`/api/v1/scenarios/${scenario.name}/trigger`, { appid, touser: values.touser.trim(), params: given(values), dry_run: true }));
  });
  const look = useLook({ appid, scenario: scenario.name, params: given(form.values) });
  const fields = ['touser', ...params.map(([name]) => `params.${name}`)];
  const input = ([name, param]) => (param.type === 'bool'
    ? html`<${Check} key=${name} form=${form} name=${`params.${name}`} label=${name} />`
    : html`<${Field} key=${name} form=${form} name=${`params.${name}`} label=${`${name}${param.required ? ' *' : ''}`} hint=${t(`param.${param.type}`)} />`);
  return html`<${Card} title=${t('scenario.try')} data-part="try"><p class="note">${t('scenario.try_note')}</p><div class="columns"><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${fields} />
    ${may(me, 'operator') && html`<${Field} form=${form} name="touser" label=${t('scenario.touser')} autocomplete="off" required />`}${params.map(input)}
    ${may(me, 'operator') ? html`<button class="button primary" disabled=${form.busy}>${t('scenario.go')}</button>` : html`<p class="faint">${t('scenario.operator')}</p>`}</form>
    <${Look} look=${look} account=${account}>${answer && html`<${Judged} answer=${answer} />${answer.warnings?.length > 0 && html`<${Faults} errors=${answer.warnings} />`}`}<//></div><//>`;
}

const DAYS = 14;
const DAY_MS = 86400000;

/** Per cent on time, by the day of acceptance; days without messages have none. */
function ByDay({ appid, name }) {
  const first = Date.parse(`${today()}T00:00:00+08:00`) - (DAYS - 1) * DAY_MS;
  const { data, problem } = useData((signal) => api.get('/api/v1/stats/on_time', { appid, by: 'day', scenario: name, since: localOf(first).slice(0, 10) }, signal), [appid, name, first]);
  if (!data) return html`<${Trouble} problem=${problem} />`;
  const starts = Array.from({ length: DAYS }, (_, nth) => first + nth * DAY_MS);
  const share = (start) => data.rows.find(({ key }) => key === localOf(start).slice(0, 10))?.share ?? null;
  const points = starts.map((start) => (share(start) === null ? null : share(start) * 100));
  if (points.every((point) => point === null)) return null;
  return html`<${Chart} data=${[starts.map((start) => start / 1000), points]} series=${[{ label: t('scenario.by_day', { n: DAYS }), value: points.at(-1) }]} label=${t('scenario.by_day', { n: DAYS })} shown=${(n) => `${number(n)} %`} range=${shareRange} height=${140} />`;
}

const STEPS = ['hold_ms', 'pause_ms', 'pace_ms', 'claim_ms', 'wechat_ms'];

/** Messages are found by their cause, not by how late they were: only those that expired have a link. */
function Punctual({ appid, name }) {
  const { data, problem } = useData((signal) => api.get('/api/v1/stats/on_time', { appid, by: 'scenario' }, signal), [appid]);
  const row = data?.rows.find(({ key }) => key === name);
  const lost = row ? STEPS.filter((step) => row.steps[step]) : [];
  return html`<${Card} title=${t('scenario.on_time')} aside=${row && html`<${OnTime} counts=${row} />`} data-part="on-time"><${Trouble} problem=${problem} />
    ${data && (row ? html`<dl class="facts compact"><div><dt>${t('scenario.on_time_n')}</dt><dd>${number(row.on_time)}</dd></div><div><dt>${t('scenario.late_n')}</dt><dd>${number(row.late)}</dd></div>
      <div><dt>${t('scenario.expired_n')}</dt><dd><${Link} href=${url('/messages', { appid, scenario: name, cause: 'expired', since: `${data.since}T00:00:00+08:00` })}>${number(row.expired)}<//></dd></div>
      ${row.late_ms_mean !== null && html`<div><dt>${t('scenario.late_mean')}</dt><dd>${span(Math.round(row.late_ms_mean / 1000))}</dd></div>`}</dl>
      ${lost.length > 0 && html`<p class="faint">${t('scenario.lost')}: ${lost.map((step) => `${t(`scenario.${step}`)} ${span(Math.round(row.steps[step] / 1000))}`).join(' · ')}</p>`}` : html`<p class="faint">${t('scenario.nothing_yet')}</p>`)}<${ByDay} appid=${appid} name=${name} /><//>`;
}

const percent = (rate) => (rate === null || rate === undefined ? '–' : `${number(Math.round(rate * 1000) / 10)} %`);

function Variants({ appid, scenario, again }) {
  const me = useMe();
  const { data, problem } = useData((signal) => api.get('/api/v1/stats/clicks', { appid, by: 'variant', scenario: scenario.name }, signal), [appid, scenario.name]);
  const counted = (name) => data?.rows.find((row) => row.name === `${scenario.name}/${name}`);
  const running = scenario.variants.filter((one) => one.weight > 0).length;
  const stop = async (name) => {
    if (!(await ask({ title: t('scenario.stop_ask', { name }), text: t('scenario.stop_text'), yes: t('scenario.stop'), danger: true }))) return;
    await act(() => api.post(url(`/api/v1/scenarios/${scenario.name}/variants/${name}/stop`, { appid }), {}), t('scenario.stopped'));
    again();
  };
  const columns = [
    { key: 'name', label: t('scenario.variant') }, { key: 'weight', label: t('scenario.weight'), num: true },
    { key: 'sent', label: t('word.sent'), num: true, cell: (row) => number(counted(row.name)?.sent ?? 0) }, { key: 'clicked', label: t('scenario.clicked'), num: true, cell: (row) => number(counted(row.name)?.clicked ?? 0) },
    { key: 'rate', label: t('scenario.rate'), num: true, cell: (row) => percent(counted(row.name)?.rate) },
    { key: 'interval', label: t('scenario.interval'), cell: (row) => (counted(row.name)?.sent ? `${percent(counted(row.name).interval.low)} – ${percent(counted(row.name).interval.high)}` : '–') },
    { key: 'stop', label: t('word.actions'), cell: (row) => (row.weight === 0 ? html`<${Badge}>${t('scenario.stopped')}<//>` : may(me, 'admin') && running > 1 && html`<button type="button" class="button small" onClick=${() => stop(row.name)}>${t('scenario.stop')}</button>`) },
  ];
  return html`<${Card} title=${t('scenario.variants')}><${Trouble} problem=${problem} /><${Table} columns=${columns} rows=${scenario.variants} id=${(row) => row.name} label=${t('scenario.variants')} />
    ${data?.comparisons?.map((one) => html`<p key=${`${one.a}${one.b}`}>${said(one.text)}</p>`)}<//>`;
}

function Versions({ versions }) {
  return html`<${Card} title=${t('scenario.versions')}><ul class="stack">${versions.map((one, at) => html`<li key=${one.version}><details><summary>${t('scenario.version', { n: one.version })} · <${Time} at=${one.since} /> ${one.removed_at ? html`<span class="faint">${t('scenario.removed')} <${Time} at=${one.removed_at} /></span>` : at === 0 && html`<${Badge} tone="good">${t('scenario.now')}<//>`}</summary>
    <pre class="code-box" tabindex="0">${JSON.stringify(one.scenario, null, 2)}</pre></details></li>`)}</ul><//>`;
}

function Facts({ appid, scenario }) {
  const template = useTemplates(appid)[scenario.template_id];
  const label = (name) => template?.fields?.find((field) => field.name === name)?.label || name;
  return html`<${Card} title=${t('scenario.fields')}><dl class="facts"><div><dt>${t('word.template')}</dt><dd>${template?.title || html`<${Id} value=${scenario.template_id} />`}</dd></div><div><dt>${t('word.category')}</dt><dd>${t(`category.${scenario.category}`)}</dd></div><div><dt>${t('word.lane')}</dt><dd>${t(`lane.${scenario.lane}`)}</dd></div>
    <div><dt>${t('scenario.tolerance')}</dt><dd>${lasting(scenario.tolerance)}</dd></div>${scenario.basis && html`<div><dt>${t('scenario.basis')}</dt><dd>${t(`interaction.${scenario.basis}`)}</dd></div>`}</dl>
    <dl class="lines">${Object.entries(scenario.fields).map(([name, text]) => html`<div key=${name}><dt>${label(name)}</dt><dd><code>${text}</code></dd></div>`)}</dl><//>`;
}

function One({ account, name }) {
  const me = useMe();
  const { appid } = account;
  const { data, problem, again } = useData((signal) => api.get(`/api/v1/scenarios/${encodeURIComponent(name)}`, { appid }, signal), [appid, name]);
  if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  const { scenario } = data;
  const save = async (changed) => {
    await api.put(`/api/v1/scenarios/${encodeURIComponent(name)}`, { ...changed, appid });
    again();
  };
  const remove = async () => {
    if (!(await ask({ title: t('scenario.delete_ask', { name: scenario.title }), text: t('scenario.delete_text'), yes: t('scenario.remove'), danger: true }))) return;
    if (await act(() => api.delete(url(`/api/v1/scenarios/${encodeURIComponent(name)}`, { appid }), {}), t('scenario.deleted'))) go(url('/scenarios', { appid }));
  };
  return html`<h2 class="sub">${scenario.title}</h2>
    ${data.advice.length > 0 && html`<div class="warn-text"><strong>${t('scenario.advice')}</strong><${Faults} errors=${data.advice} /></div>`}${data.content.length > 0 && html`<div class="warn-text"><strong>${t('scenario.content')}</strong><${Findings} found=${data.content} /></div>`}
    <div class="columns uneven"><${Try} key=${data.versions[0]?.version} scenario=${scenario} account=${account} /><div class="stack"><${Facts} appid=${appid} scenario=${scenario} /><${Punctual} appid=${appid} name=${name} /></div></div>
    ${scenario.variants?.length > 0 && html`<${Variants} appid=${appid} scenario=${scenario} again=${again} />`}
    ${may(me, 'admin') && html`<details class="card" data-part="edit"><summary><h2>${t('scenario.edit')}</h2></summary><${Editor} key=${data.versions[0]?.version} scenario=${scenario} save=${save} /><button type="button" class="button danger" onClick=${remove}>${t('scenario.remove')}</button></details>`}
    <${Versions} versions=${data.versions} />`;
}

export default function Scenario({ name }) {
  const acts = ({ appid }) => html`<${Link} class="button" href=${url('/messages', { appid, scenario: name })}>${t('nav.messages')}<//><${Link} class="button" href=${url('/scenarios', { appid })}>${t('act.back')}<//>`;
  return html`<${AccountPage} title=${t('word.scenario')} note=${html`<${Id} value=${name} />`} acts=${acts}>${(account) => html`<${One} key=${`${account.appid}.${name}`} account=${account} name=${name} />`}<//>`;
}
