// Every call of the API out of its own document: what it takes, what it gives, as a command; what only reads is tried here.
import { html, useState } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { number } from '../../format.js';
import { useData } from '../../live.js';
import { useMe } from '../../me.js';
import { Link, usePlace, useQuery } from '../../router.js';
import { Badge, Card, Command, Empty, Loading, Trouble } from '../../ui/basic.js';
import { curl } from '../../ui/curl.js';
import { Field, useForm } from '../../ui/form.js';
import { Filters, Table } from '../../ui/table.js';
import { example, fieldsOf, operations } from './document.js';

words({
  zh: { 'explorer.find': '查找', 'explorer.tag': '分组', 'explorer.note': '{n} 个接口，来自本服务的 OpenAPI 文档（说明为英文）。', 'explorer.call': '接口', 'explorer.what': '说明', 'explorer.none': '没有这样的接口', 'explorer.all': '全部接口', 'explorer.params': '参数', 'explorer.body': '请求体', 'explorer.answer': '应答', 'explorer.name': '名称', 'explorer.type': '类型', 'explorer.required': '必填', 'explorer.try': '试一下', 'explorer.try_note': '以你的登录身份读取，不改变任何内容。', 'explorer.go': '调用', 'explorer.curl': '命令', 'explorer.change': '会产生改动的接口不在这里调用：用下面的命令。' },
  en: { 'explorer.find': 'Find', 'explorer.tag': 'Group', 'explorer.note': '{n} calls, out of this server’s OpenAPI document.', 'explorer.call': 'Call', 'explorer.what': 'What it does', 'explorer.none': 'There is no such call', 'explorer.all': 'All calls', 'explorer.params': 'Parameters', 'explorer.body': 'Body', 'explorer.answer': 'Answer', 'explorer.name': 'Name', 'explorer.type': 'Type', 'explorer.required': 'required', 'explorer.try': 'Try it', 'explorer.try_note': 'It reads as you, and changes nothing.', 'explorer.go': 'Call', 'explorer.curl': 'Command', 'explorer.change': 'What changes something is not called from here: take the command below.' },
});

const TONES = { GET: 'good', POST: 'info', PUT: 'warn', PATCH: 'warn', DELETE: 'bad' };
/** Longest answer shown. */
const SHOWN = 100000;

const Method = ({ method }) => html`<${Badge} tone=${TONES[method]}>${method}<//>`;

/** The path with what was typed for its parts, and the rest as its query. */
function address({ path, parameters }, values) {
  const given = (place) => parameters.filter((one) => one.in === place).map(({ name }) => [name, (values[name] || '').trim()]);
  const filled = given('path').reduce((path, [name, value]) => path.replace(`{${name}}`, value ? encodeURIComponent(value) : `{${name}}`), path);
  return url(filled, Object.fromEntries(given('query')));
}

/** Reads as the user who looks. */
async function read(path) {
  try {
    return { status: 200, body: await api.get(path) };
  } catch (problem) {
    return { status: problem.status, body: problem.body || { detail: problem.message } };
  }
}

function Call({ document, operation }) {
  const me = useMe();
  const [answer, show] = useState(null);
  const { method, parameters, body, reads } = operation;
  const form = useForm({}, async (values) => show(await read(address(operation, values))));
  const command = curl({ base: me.public_url || location.origin, method, path: address(operation, form.values), body: body && example(document, body) });
  const input = ({ name, in: place }) => html`<${Field} key=${name} form=${form} name=${name} label=${name} required=${reads && place === 'path'} autocomplete="off" />`;
  return html`<${Card} title=${t(reads ? 'explorer.try' : 'explorer.curl')} data-part="call"><p class="note">${t(reads ? 'explorer.try_note' : 'explorer.change')}</p>
    ${parameters.length > 0 || reads ? html`<form onSubmit=${form.onSubmit}><div class="filter-row">${parameters.map(input)}</div>${reads && html`<button class="button primary" disabled=${form.busy}>${t('explorer.go')}</button>`}</form>` : ''}
    <${Command}>${command}<//>
    ${answer && html`<div aria-live="polite" class="stack"><p><${Badge} tone=${answer.status === 200 ? 'good' : 'bad'}>HTTP ${answer.status}<//></p><pre class="code-box" tabindex="0">${JSON.stringify(answer.body, null, 2).slice(0, SHOWN)}</pre></div>`}<//>`;
}

function Fields({ title, rows }) {
  if (!rows.length) return null;
  const columns = [
    { key: 'name', label: t('explorer.name'), cell: (row) => html`<span><code>${row.name}</code> ${row.required && html`<${Badge} tone="warn">${t('explorer.required')}<//>`}</span>` },
    { key: 'type', label: t('explorer.type'), cell: (row) => html`<code>${row.type}</code>` }, { key: 'what', label: t('explorer.what') },
  ];
  return html`<${Card} title=${title}><${Table} columns=${columns} rows=${rows} id=${(row) => row.name} label=${title} /><//>`;
}

function One({ document, operation }) {
  const { path } = usePlace();
  const parameters = operation.parameters.map((one) => ({ name: one.name, required: one.required, what: one.description || '', type: one.in }));
  return html`<div class="stack" data-part="operation"><div class="apart"><h2 class="sub"><${Method} method=${operation.method} /> <code>${operation.path}</code></h2><${Link} class="button" href=${url(path, { tab: 'api' })}>${t('explorer.all')}<//></div>
    <p lang="en">${operation.what}</p>
    <div class="columns"><${Call} key=${operation.key} document=${document} operation=${operation} /><div class="stack" lang="en"><${Fields} title=${t('explorer.params')} rows=${parameters} />
    ${operation.body && html`<${Fields} title=${t('explorer.body')} rows=${fieldsOf(document, operation.body)} />`}<${Fields} title=${t('explorer.answer')} rows=${fieldsOf(document, operation.answer).map((one) => ({ ...one, required: false }))} /></div></div></div>`;
}

function List({ all }) {
  const [query] = useQuery();
  const { path } = usePlace();
  const wanted = (query.q || '').toLowerCase();
  const shown = all.filter((one) => (!query.tag || one.tag === query.tag) && `${one.key} ${one.what}`.toLowerCase().includes(wanted));
  const tags = [...new Set(all.map(({ tag }) => tag))].sort();
  const columns = [
    { key: 'call', label: t('explorer.call'), cell: (row) => html`<span><${Method} method=${row.method} /> <${Link} href=${url(path, { tab: 'api', op: row.key })}><code>${row.path}</code><//></span>` },
    { key: 'what', label: t('explorer.what'), cell: (row) => html`<span lang="en">${row.what.split('. ')[0]}</span>` }, { key: 'tag', label: t('explorer.tag') },
  ];
  return html`<p class="note">${t('explorer.note', { n: number(all.length) })}</p><${Filters} fields=${[{ name: 'q', label: t('explorer.find') }, { name: 'tag', label: t('explorer.tag'), options: tags.map((tag) => [tag, tag]) }]} />
    <${Table} columns=${columns} rows=${shown} id=${(row) => row.key} label=${t('explorer.call')} empty=${html`<${Empty} title=${t('explorer.none')}><${Link} class="button" href=${url(path, { tab: 'api' })}>${t('explorer.all')}<//><//>`} />`;
}

export default function Explorer() {
  const [query] = useQuery();
  const { data: document, problem, again } = useData((signal) => api.get('/api/openapi.json', {}, signal), []);
  if (!document) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  const all = operations(document);
  const operation = all.find(({ key }) => key === query.op);
  return html`<div class="stack names" data-part="explorer">${operation ? html`<${One} document=${document} operation=${operation} />` : html`<${List} all=${all} />`}</div>`;
}
