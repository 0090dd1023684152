// One webhook: whether it listens, tried, told again, changed; every try to tell it.
import { html, useState } from '../lib.js';
import { asTime, localOf } from '../clock.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { number } from '../format.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, go, useQuery } from '../router.js';
import { Badge, Card, Empty, Head, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { ask } from '../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';
import { PagedTable } from '../ui/table.js';
import { toast } from '../ui/toast.js';
import { Listening, WebhookFields, requestOf, told, valuesOf } from './webhooks.js';

words({
  zh: {
    'webhook.now': '现在', 'webhook.test': '发送测试', 'webhook.tested': '已送达：HTTP {status}，{ms} 毫秒', 'webhook.test_failed': '没有送达：{why}', 'webhook.turn_off': '停用', 'webhook.turn_on': '启用', 'webhook.off_ask': '停用“{name}”？', 'webhook.off_text': '不再推送；重新启用后从停下的地方继续。', 'webhook.replay': '重新推送', 'webhook.replay_note': '把某个时间之后有最终结果的消息再推送一遍，最多一周前；接收方按 webhook-id 去重。', 'webhook.replay_since': '自何时', 'webhook.replayed': '已开始重新推送', 'webhook.delete_ask': '删除“{name}”？', 'webhook.delete_text': '推送记录一起删除，不能恢复。', 'webhook.deleted': '已删除', 'webhook.edit': '修改', 'webhook.stays': '留空则不变', 'webhook.saved': '已保存，立即从停下的地方继续',
    'webhook.deliveries': '推送记录', 'webhook.id': '推送编号', 'webhook.events': '消息数', 'webhook.result': '结果', 'webhook.ok': '已送达', 'webhook.bad': '失败', 'webhook.took': '用时', 'webhook.ms': '{n} 毫秒', 'webhook.none': '还没有推送过', 'webhook.none_hint': '消息有最终结果后会推送到这里。先发送一条测试看看接收方是否可用。', 'webhook.is_test': '测试', 'webhook.unknown': '没有这个业务回调', 'webhook.see_all': '全部业务回调',
  },
  en: {
    'webhook.now': 'Now', 'webhook.test': 'Send a test', 'webhook.tested': 'Taken: HTTP {status} in {ms} ms', 'webhook.test_failed': 'Not taken: {why}', 'webhook.turn_off': 'Switch off', 'webhook.turn_on': 'Switch on', 'webhook.off_ask': 'Switch “{name}” off?', 'webhook.off_text': 'It is told nothing; switched on again, it goes on where it stood.', 'webhook.replay': 'Replay', 'webhook.replay_note': 'What got its final state since a time, as far back as a week, is told once more; receivers know what they had by its webhook-id.', 'webhook.replay_since': 'Since', 'webhook.replayed': 'The replay has begun', 'webhook.delete_ask': 'Delete “{name}”?', 'webhook.delete_text': 'Its log goes with it, for good.', 'webhook.deleted': 'Deleted', 'webhook.edit': 'Change', 'webhook.stays': 'Empty: it stays', 'webhook.saved': 'Saved; it goes on where it stood, at once',
    'webhook.deliveries': 'Deliveries', 'webhook.id': 'webhook-id', 'webhook.events': 'Messages', 'webhook.result': 'Result', 'webhook.ok': 'taken', 'webhook.bad': 'failed', 'webhook.took': 'Took', 'webhook.ms': '{n} ms', 'webhook.none': 'No deliveries yet', 'webhook.none_hint': 'It is told when messages get their final state. Send a test to see whether it listens.', 'webhook.is_test': 'test', 'webhook.unknown': 'There is no such webhook', 'webhook.see_all': 'All webhooks',
  },
});

const LIVE_MS = 10000;
const HOUR_MS = 3600000;

function Replay({ path, again }) {
  const form = useForm({ since: localOf(Date.now() - HOUR_MS) }, async ({ since }) => {
    await api.post(`${path}/replay`, { since: asTime(since) });
    toast(t('webhook.replayed'), 'good');
    again();
  });
  return html`<${Card} title=${t('webhook.replay')} data-part="replay"><p class="note">${t('webhook.replay_note')}</p><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['since']} />
    <${Field} form=${form} name="since" type="datetime-local" label=${t('webhook.replay_since')} required /><button class="button" disabled=${form.busy}>${t('webhook.replay')}</button></form><//>`;
}

function Edit({ path, webhook, again }) {
  const form = useForm(valuesOf(webhook), async (values) => {
    await api.patch(path, requestOf(values));
    toast(t('webhook.saved'), 'good');
    again();
  });
  return html`<details class="card" data-part="edit"><summary><h2>${t('webhook.edit')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><${WebhookFields} form=${form} stays=${t('webhook.stays')} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('act.save')}</button></div></form></details>`;
}

function Now({ path, webhook, again, log }) {
  const [result, show] = useState(null);
  const test = async () => {
    const answer = await act(() => api.post(`${path}/test`, {}));
    if (answer) show(answer);
    log();
  };
  const turn = async () => {
    const { enabled, name } = webhook;
    if (enabled && !(await ask({ title: t('webhook.off_ask', { name }), text: t('webhook.off_text'), yes: t('webhook.turn_off'), danger: true }))) return;
    await act(() => api.patch(path, { enabled: !enabled }), t('act.done'));
    again();
  };
  const remove = async () => {
    if (!(await ask({ title: t('webhook.delete_ask', { name: webhook.name }), text: t('webhook.delete_text'), yes: t('act.delete'), danger: true }))) return;
    if (await act(() => api.delete(path, {}), t('webhook.deleted'))) go('/webhooks');
  };
  const facts = [[t('webhooks.host'), html`<code>${webhook.host}</code>`], [t('webhooks.of'), told(webhook)], [t('webhooks.created'), html`<${Time} at=${webhook.created_at} />`]];
  return html`<${Card} title=${t('webhook.now')} data-part="now"><p><${Listening} webhook=${webhook} /></p><dl class="facts">${facts.map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
    ${result && html`<p role="status" class=${result.error ? 'fault' : 'good-text'}>${result.error ? t('webhook.test_failed', { why: result.error }) : t('webhook.tested', { status: result.status, ms: number(result.took_ms) })}</p>`}
    <div class="actions"><button type="button" class="button primary" onClick=${test}>${t('webhook.test')}</button><button type="button" class="button" onClick=${turn}>${t(webhook.enabled ? 'webhook.turn_off' : 'webhook.turn_on')}</button><button type="button" class="button danger" onClick=${remove}>${t('act.delete')}</button></div><//>`;
}

function Deliveries({ page }) {
  const columns = [
    { key: 'at', label: t('word.time'), cell: (row) => html`<${Time} at=${row.at} />` },
    { key: 'result', label: t('webhook.result'), cell: (row) => html`<span><${Badge} tone=${row.error ? 'bad' : 'good'}>${t(row.error ? 'webhook.bad' : 'webhook.ok')}<//> ${row.status && html`<code>HTTP ${row.status}</code>`}${row.error && html`<br /><span class="fault">${row.error}</span>`}</span>` },
    { key: 'events', label: t('webhook.events'), num: true, cell: (row) => (row.events ? number(row.events) : t('webhook.is_test')) },
    { key: 'took_ms', label: t('webhook.took'), num: true, cell: (row) => t('webhook.ms', { n: number(row.took_ms) }) },
    { key: 'webhook_id', label: t('webhook.id'), cell: (row) => html`<${Id} value=${row.webhook_id} short=${24} />` },
  ];
  const rows = (data) => data.deliveries.map((row, at) => ({ ...row, key: at }));
  const empty = html`<${Empty} title=${t('webhook.none')}><p>${t('webhook.none_hint')}</p><//>`;
  return html`<div class="stack" data-part="deliveries"><h2>${t('webhook.deliveries')}</h2><${PagedTable} page=${page} of=${rows} columns=${columns} id=${(row) => row.key} label=${t('webhook.deliveries')} empty=${empty} /></div>`;
}

function One({ id }) {
  const [query] = useQuery();
  const path = `/api/v1/webhooks/${encodeURIComponent(id)}`;
  const { data, problem, again } = useData((signal) => api.get('/api/v1/webhooks', {}, signal), [], LIVE_MS);
  const page = useData((signal) => api.get(`${path}/deliveries`, { cursor: query.cursor, limit: 50 }, signal), [path, query.cursor], query.cursor ? 0 : LIVE_MS);
  const webhook = data?.webhooks.find((one) => one.id === id);
  const head = html`<${Head} title=${webhook?.name || t('webhooks.title')} note=${html`<${Id} value=${id} />`}><${Link} class="button" href="/webhooks">${t('act.back')}<//><//>`;
  if (!data) return html`${head}${problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`}`;
  if (!webhook) return html`${head}<${Empty} title=${t('webhook.unknown')}><${Link} class="button" href="/webhooks">${t('webhook.see_all')}<//><//>`;
  return html`${head}<div class="columns uneven"><${Now} path=${path} webhook=${webhook} again=${again} log=${page.again} /><${Replay} path=${path} again=${again} /></div>
    <${Deliveries} page=${page} /><${Edit} path=${path} webhook=${webhook} again=${again} />`;
}

export default function Webhook({ id }) {
  const me = useMe();
  return may(me, 'admin') ? html`<${One} id=${id} />` : html`<${Head} title=${t('webhooks.title')} /><${Empty} title=${t('webhooks.admin')} />`;
}
