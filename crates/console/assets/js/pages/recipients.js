// Recipients: what is known of one person, why a message would not go, and who is not written to.
import { html } from '../lib.js';
import { asTime } from '../clock.js';
import { api, url } from '../api.js';
import { has, t, words } from '../i18n.js';
import { number } from '../format.js';
import { useData } from '../live.js';
import { useTemplates } from '../known.js';
import { may, useMe } from '../me.js';
import { Link, useQuery } from '../router.js';
import { Badge, Card, Empty, Id, Loading, State, Time, Trouble, cause } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { ask } from '../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';
import { AccountPage } from '../ui/place.js';
import { Filters, PagedTable, Table } from '../ui/table.js';
import { toast } from '../ui/toast.js';
import { Why } from './recipients/why.js';

words({
  zh: {
    'recipients.title': '接收者', 'recipients.note': '查一个人能不能收到消息，以及为什么。', 'recipients.rules_of': '按哪类消息的规则', 'recipients.windows': '触达窗口', 'recipients.opened': '最近互动', 'recipients.until': '开放至', 'recipients.left': '还可发送', 'recipients.left_today': '今天 {n} 条', 'recipients.left_all': '共 {n} 条', 'recipients.no_limit': '不限', 'recipients.open': '开放', 'recipients.closed': '未开放', 'recipients.window': '互动',
    'recipients.caps': '频率上限', 'recipients.per_day': '每天', 'recipients.per_week': '每周', 'recipients.over_all': '全部消息', 'recipients.over_category': '同类消息', 'recipients.over_scenario': '同场景消息', 'recipients.used': '已用 {used} / {limit}', 'recipients.no_caps': '没有频率上限。', 'recipients.list': '禁发名单', 'recipients.clear': '不在禁发名单中。', 'recipients.lift': '解除', 'recipients.lift_ask': '解除禁发？', 'recipients.lift_text': '之后可以再向此人发送消息。', 'recipients.lifted': '已解除', 'recipients.suppress': '加入禁发名单', 'recipients.suppressed': '已加入禁发名单',
    'recipients.why_reason': '原因', 'recipients.category': '范围', 'recipients.all_messages': '全部消息', 'recipients.until_field': '到何时（留空：直到解除）', 'recipients.recent': '最近消息', 'recipients.no_recent': '还没有消息。', 'recipients.all_recent': '全部消息', 'recipients.clicks': '点击', 'recipients.clicks_sum': '最近的消息里有 {sent} 条带计数链接，点击过 {clicked} 条，共 {taps} 次。', 'recipients.tapped': '最近点击', 'recipients.got': '受理时间', 'recipients.taps': '次数', 'recipients.no_taps': '还没有点击过。', 'recipients.no_links': '最近的消息里没有带计数链接的：在消息里加 "track": true，或在场景里打开。', 'recipients.no_url': '设置 http.public_url 后，链接的点击才会计数。',
    'recipients.import': '批量加入', 'recipients.import_hint': '每行一个 openid；也可以选择文本或 CSV 文件（取第一列）。', 'recipients.openids': 'openid', 'recipients.file': '文件', 'recipients.import_go': '加入名单', 'recipients.import_done': '已加入 {n} 人', 'recipients.export': '下载 CSV', 'recipients.list_empty': '禁发名单是空的', 'recipients.list_hint': '退订、取消关注、投诉的人会自动加入；也可以手工加入。', 'recipients.person': '接收者', 'recipients.nobody': '没有填写 openid', 'recipients.stranger': '没有此人的任何记录', 'recipients.stranger_hint': '没有互动、消息或禁发记录：openid 可能属于另一个公众号，或此人从未与 {name} 互动。下面是对陌生人适用的规则。', 'recipients.source': '来源：{source}', 'recipients.since': '自',
  },
  en: {
    'recipients.title': 'Recipients', 'recipients.note': 'Whether a person can be reached, and why not.', 'recipients.rules_of': 'By the rules for', 'recipients.windows': 'Reach windows', 'recipients.opened': 'Last time', 'recipients.until': 'Open until', 'recipients.left': 'Left', 'recipients.left_today': '{n} today', 'recipients.left_all': '{n} in all', 'recipients.no_limit': 'no limit', 'recipients.open': 'open', 'recipients.closed': 'closed', 'recipients.window': 'Interaction',
    'recipients.caps': 'Frequency', 'recipients.per_day': 'a day', 'recipients.per_week': 'a week', 'recipients.over_all': 'all messages', 'recipients.over_category': 'same category', 'recipients.over_scenario': 'same scenario', 'recipients.used': '{used} of {limit} used', 'recipients.no_caps': 'No caps hold.', 'recipients.list': 'Suppression list', 'recipients.clear': 'Not on the list.', 'recipients.lift': 'Lift', 'recipients.lift_ask': 'Lift the suppression?', 'recipients.lift_text': 'Messages may go to this person again.', 'recipients.lifted': 'Lifted', 'recipients.suppress': 'Put on the list', 'recipients.suppressed': 'On the list now',
    'recipients.why_reason': 'Reason', 'recipients.category': 'Holds for', 'recipients.all_messages': 'all messages', 'recipients.until_field': 'Until (empty: until lifted)', 'recipients.recent': 'Newest messages', 'recipients.no_recent': 'No messages yet.', 'recipients.all_recent': 'All messages', 'recipients.clicks': 'Taps', 'recipients.clicks_sum': 'Of the newest messages {sent} had a counted link; {clicked} of them were tapped, {taps} times in all.', 'recipients.tapped': 'Last tap', 'recipients.got': 'Accepted', 'recipients.taps': 'Taps', 'recipients.no_taps': 'Nothing was tapped yet.', 'recipients.no_links': 'None of the newest messages has a counted link: give a message "track": true, or switch it on in the scenario.', 'recipients.no_url': 'Taps are counted once http.public_url is set.',
    'recipients.import': 'Put many on it', 'recipients.import_hint': 'One openid a line; or a text or CSV file (its first column).', 'recipients.openids': 'openids', 'recipients.file': 'File', 'recipients.import_go': 'Put on the list', 'recipients.import_done': '{n} put on the list', 'recipients.export': 'Download CSV', 'recipients.list_empty': 'Nobody is on the list', 'recipients.list_hint': 'Whoever opts out, leaves or complains comes here by itself; others are put on by hand.', 'recipients.person': 'Recipient', 'recipients.nobody': 'There is no openid in it', 'recipients.stranger': 'Nothing is known of this person', 'recipients.stranger_hint': 'No interaction, no message, no suppression: the openid may be of another account, or the person never did anything with {name}. Below is what holds for strangers.', 'recipients.source': 'known by {source}', 'recipients.since': 'Since',
  },
});

const CATEGORIES = ['service', 'transactional', 'marketing'];
const REASONS = ['manual', 'opted_out', 'complained', 'unsubscribed', 'user_blocked', 'blacklisted', 'openid_invalid'];
/** Messages that are looked at for taps. */
const LOOKED_AT = 50;
/** The API takes so many in one request. */
const BATCH = 1000;
const categories = () => CATEGORIES.map((word) => [word, t(`category.${word}`)]);
const reasons = () => REASONS.map((word) => [word, t(`reason.${word}`)]);

function Windows({ windows }) {
  const left = (row) => {
    const parts = [row.left_today !== null && t('recipients.left_today', { n: row.left_today }), row.left_in_all !== null && t('recipients.left_all', { n: row.left_in_all })].filter(Boolean);
    return parts.join(' · ') || t('recipients.no_limit');
  };
  const columns = [
    { key: 'kinds', label: t('recipients.window'), cell: (row) => html`<span>${row.kinds.map((kind) => t(`interaction.${kind}`)).join(' · ')} <${Badge} tone=${row.open ? 'good' : 'calm'}>${t(row.open ? 'recipients.open' : 'recipients.closed')}<//></span>` },
    { key: 'opened_at', label: t('recipients.opened'), cell: (row) => html`<${Time} at=${row.opened_at} />` },
    { key: 'open_until', label: t('recipients.until'), cell: (row) => html`<${Time} at=${row.open_until} />` },
    { key: 'left', label: t('recipients.left'), cell: (row) => (row.open ? left(row) : html`<span class="faint">–</span>`) },
  ];
  return html`<${Card} title=${t('recipients.windows')}><${Table} columns=${columns} rows=${windows} id=${(row) => row.kinds[0]} label=${t('recipients.windows')} /><//>`;
}

function Caps({ caps }) {
  return html`<${Card} title=${t('recipients.caps')}>${caps.length ? html`<ul class="stack">${caps.map((cap, n) => html`<li key=${n}><p>${t(`recipients.per_${cap.per}`)} · ${t(`recipients.over_${cap.over}`)} <span class="faint">${t('recipients.used', { used: number(cap.used), limit: number(cap.limit) })}</span></p>
    <meter min="0" max=${cap.limit || 1} high=${cap.limit - 0.5} value=${cap.used} aria-label=${t('recipients.caps')} /></li>`)}</ul>` : html`<p class="faint">${t('recipients.no_caps')}</p>`}<//>`;
}

/** Lifts one suppression, by its reason and its category (`none`: that of all messages); without them, all of that person's. */
async function lift({ appid, touser, reason, category, again }) {
  if (!(await ask({ title: t('recipients.lift_ask'), text: t('recipients.lift_text'), yes: t('recipients.lift') }))) return;
  await act(() => api.delete(url('/api/v1/suppressions', { appid, touser, reason, category }), {}), t('recipients.lifted'));
  again();
}

const why = (one) => html`<span>${has(`reason.${one.reason}`) ? t(`reason.${one.reason}`) : one.reason} <span class="faint">· ${one.category ? t(`category.${one.category}`) : t('recipients.all_messages')} · ${t('recipients.since')} <${Time} at=${one.since} /> · ${one.until ? html`<span>${t('word.until')} <${Time} at=${one.until} /></span>` : t('word.never_ends')}${one.source && html` · ${t('recipients.source', { source: t(`source.${one.source}`) })}`}</span></span>`;

function Suppressed({ appid, person, again }) {
  const me = useMe();
  const form = useForm({ reason: 'manual', category: '', until: '' }, async ({ reason, category, until }) => {
    await api.post('/api/v1/suppressions', { appid, tousers: [person.touser], reason, ...(category && { category }), until: asTime(until) });
    toast(t('recipients.suppressed'), 'good');
    again();
  });
  return html`<${Card} title=${t('recipients.list')} data-part="suppressed">${person.suppressions.length ? html`<ul class="stack">${person.suppressions.map((one, n) => html`<li key=${n} class="apart"><span>${why(one)}</span>${may(me, 'operator') && html`<button type="button" class="button small" onClick=${() => lift({ appid, touser: person.touser, reason: one.reason, category: one.category || 'none', again })}>${t('recipients.lift')}</button>`}</li>`)}</ul>` : html`<p class="faint">${t('recipients.clear')}</p>`}
    ${may(me, 'operator') && html`<details><summary>${t('recipients.suppress')}</summary><form class="inset" onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['reason', 'category', 'until', 'tousers']} />
      <${Field} form=${form} name="reason" label=${t('recipients.why_reason')} options=${reasons()} /><${Field} form=${form} name="category" label=${t('recipients.category')} options=${[['', t('recipients.all_messages')], ...categories()]} />
      <${Field} form=${form} name="until" type="datetime-local" label=${t('recipients.until_field')} /><button class="button danger" disabled=${form.busy}>${t('recipients.suppress')}</button></form></details>`}<//>`;
}

/** What this person tapped, of their newest messages. */
function Clicks({ appid, touser }) {
  const me = useMe();
  const { data, problem, again } = useData((signal) => api.get('/api/v1/messages', { appid, touser, limit: LOOKED_AT }, signal), [appid, touser]);
  const scenarios = Object.fromEntries((useData((signal) => api.get('/api/v1/scenarios', { appid }, signal), [appid]).data?.scenarios || []).map((one) => [one.name, one.title]));
  const templates = useTemplates(appid);
  const counted = data?.messages.filter(({ tracked }) => tracked) || [];
  const tapped = counted.filter(({ clicks }) => clicks).sort((a, b) => new Date(b.clicks.last_at) - new Date(a.clicks.last_at));
  const taps = tapped.reduce((sum, { clicks }) => sum + clicks.count, 0);
  const columns = [
    { key: 'last_at', label: t('recipients.tapped'), cell: (row) => html`<${Link} href=${`/messages/${row.id}`}><${Time} at=${row.clicks.last_at} /><//>` },
    { key: 'what', label: t('word.message'), cell: (row) => (row.scenario && scenarios[row.scenario]) || templates[row.template_id]?.title || row.template_id },
    { key: 'accepted_at', label: t('recipients.got'), cell: (row) => html`<${Time} at=${row.accepted_at} />` }, { key: 'count', label: t('recipients.taps'), num: true, cell: (row) => number(row.clicks.count) },
  ];
  const none = counted.length ? t('recipients.no_taps') : t(me.public_url ? 'recipients.no_links' : 'recipients.no_url');
  return html`<${Card} title=${t('recipients.clicks')} data-part="clicks"><${Trouble} problem=${problem} again=${again} />${!data ? !problem && html`<${Loading} />` : html`${counted.length > 0 && html`<p>${t('recipients.clicks_sum', { sent: number(counted.length), clicked: number(tapped.length), taps: number(taps) })}</p>`}
    ${tapped.length ? html`<${Table} columns=${columns} rows=${tapped} id=${(row) => row.id} label=${t('recipients.clicks')} />` : html`<p class="faint">${none}</p>`}`}<//>`;
}

function Recent({ appid, person }) {
  const columns = [
    { key: 'accepted_at', label: t('word.time'), cell: (row) => html`<${Link} href=${`/messages/${row.id}`}><${Time} at=${row.accepted_at} /><//>` },
    { key: 'state', label: t('word.state'), cell: (row) => html`<span><${State} state=${row.state} /> <span class="faint">${cause(row.cause)}</span></span>` },
    { key: 'scenario', label: t('word.scenario'), cell: (row) => row.scenario || '–' }, { key: 'category', label: t('word.category'), cell: (row) => t(`category.${row.category}`) },
  ];
  const all = html`<${Link} href=${url('/messages', { appid, touser: person.touser })}>${t('recipients.all_recent')}<//>`;
  return html`<${Card} title=${t('recipients.recent')} aside=${all}><${Table} columns=${columns} rows=${person.recent} id=${(row) => row.id} label=${t('recipients.recent')} empty=${html`<p class="faint">${t('recipients.no_recent')}</p>`} /><//>`;
}

/** Nothing was ever heard of them. */
const isStranger = ({ windows, suppressions, recent, caps }) => !windows.some(({ opened_at: at }) => at) && !suppressions.length && !recent.length && !caps.some(({ used }) => used);

function Person({ account, touser, category }) {
  const { appid, name } = account;
  const { data: person, problem, again } = useData((signal) => api.get(`/api/v1/recipients/${encodeURIComponent(touser)}`, { appid, category }, signal), [appid, touser, category]);
  if (!person) return problem ? html`<div><${Trouble} problem=${problem} again=${again} />${problem.errors?.map((error) => html`<p class="fault">${error.message}</p>`)}</div>` : html`<${Loading} />`;
  return html`<div class="stack" data-part="person"><h2 class="sub"><${Id} value=${person.touser} /></h2>
    ${isStranger(person) && html`<div class="warn-text" data-part="stranger"><strong>${t('recipients.stranger')}</strong><p>${t('recipients.stranger_hint', { name })}</p></div>`}
    <${Why} appid=${appid} touser=${touser} category=${category} revision=${JSON.stringify(person.suppressions)} />
    <div class="columns uneven"><div class="stack"><${Windows} windows=${person.windows} /><${Recent} appid=${appid} person=${person} /><${Clicks} appid=${appid} touser=${person.touser} /></div>
    <div class="stack"><${Suppressed} appid=${appid} person=${person} again=${again} /><${Caps} caps=${person.caps} /></div></div></div>`;
}

/** First cells of lines that look like an openid; a line that names the columns is left out. */
const openids = (text) => [...new Set(text.split(/\r?\n/).map((line) => line.split(/[,;\t]/)[0].replace(/^["\ufeff]+|"+$/g, '').trim()).filter((cell) => cell && cell !== 'touser' && cell !== 'openid'))];

function Import({ appid, again }) {
  const form = useForm({ text: '', reason: 'manual', category: '' }, async ({ text, reason, category }) => {
    const people = openids(text);
    if (!people.length) throw Object.assign(new Error(t('recipients.nobody')), { errors: [] });
    for (let at = 0; at < people.length; at += BATCH) {
      await api.post('/api/v1/suppressions', { appid, tousers: people.slice(at, at + BATCH), reason, ...(category && { category }) });
    }
    toast(t('recipients.import_done', { n: number(people.length) }), 'good');
    form.put('text', '');
    again();
  });
  const read = async (event) => form.put('text', await event.target.files[0].text());
  return html`<details class="card" data-part="import"><summary><h2>${t('recipients.import')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['tousers', 'reason', 'category']} /></div>
    <${Field} form=${form} name="text" at="tousers" type="textarea" rows="6" class="code" label=${t('recipients.openids')} hint=${t('recipients.import_hint')} /><div><label class="filter"><span>${t('recipients.file')}</span><input type="file" accept=".csv,.txt,text/csv,text/plain" onChange=${read} /></label></div>
    <${Field} form=${form} name="reason" label=${t('recipients.why_reason')} options=${reasons()} /><${Field} form=${form} name="category" label=${t('recipients.category')} options=${[['', t('recipients.all_messages')], ...categories()]} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('recipients.import_go')}</button></div></form></details>`;
}

function List({ appid }) {
  const me = useMe();
  const [query] = useQuery();
  const page = useData((signal) => api.get('/api/v1/suppressions', { appid, cursor: query.cursor, limit: 50 }, signal), [appid, query.cursor]);
  const columns = [
    { key: 'touser', label: t('recipients.person'), cell: (row) => html`<${Id} value=${row.touser} href=${url('/recipients', { appid, touser: row.touser })} />` },
    { key: 'suppressions', label: t('recipients.why_reason'), cell: (row) => html`<ul>${row.suppressions.map((one, n) => html`<li key=${n}>${why(one)}</li>`)}</ul>` },
    ...(may(me, 'operator') ? [{ key: 'act', label: t('word.actions'), cell: (row) => html`<button type="button" class="button small" onClick=${() => lift({ appid, touser: row.touser, again: page.again })}>${t('recipients.lift')}</button>` }] : []),
  ];
  const empty = html`<${Empty} title=${t('recipients.list_empty')}><p>${t('recipients.list_hint')}</p><//>`;
  return html`<div class="stack" data-part="list"><div class="apart"><h2>${t('recipients.list')}</h2><a class="button small" href=${url('/api/v1/suppressions/export', { appid })} download="suppressions.csv">${t('recipients.export')}</a></div>
    <${PagedTable} page=${page} of=${(data) => data.recipients} columns=${columns} id=${(row) => row.touser} empty=${empty} label=${t('recipients.list')} />${may(me, 'operator') && html`<${Import} appid=${appid} again=${page.again} />`}</div>`;
}

export default function Recipients() {
  const [query] = useQuery();
  const fields = [{ name: 'touser', label: 'openid' }, { name: 'category', label: t('recipients.rules_of'), none: t('category.service'), options: categories().filter(([word]) => word !== 'service') }];
  return html`<${AccountPage} title=${t('recipients.title')} note=${t('recipients.note')}>${(account) => html`<${Filters} fields=${fields} />
    ${query.touser ? html`<${Person} key=${`${account.appid}.${query.touser}`} account=${account} touser=${query.touser} category=${query.category || 'service'} />` : html`<${List} key=${account.appid} appid=${account.appid} />`}`}<//>`;
}
