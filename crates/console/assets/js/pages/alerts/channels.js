// The channels by which people are told: group robots, webhooks and e-mail, each tried by a test.
import { html, useState } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { may, useMe } from '../../me.js';
import { Link, go, useQuery } from '../../router.js';
import { Badge, Card, Command, Empty, Id, Loading, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { Table } from '../../ui/table.js';
import { toast } from '../../ui/toast.js';

words({
  zh: {
    'channels.kind': '类型', 'channels.kind_wecom': '企业微信群机器人', 'channels.kind_dingtalk': '钉钉群机器人', 'channels.kind_feishu': '飞书群机器人', 'channels.kind_webhook': 'Webhook（签名）', 'channels.host': '地址', 'channels.lang': '语言', 'channels.lang_zh': '中文', 'channels.lang_en': '英文', 'channels.on': '启用', 'channels.off': '停用', 'channels.signed': '已设密钥', 'channels.test': '发送测试', 'channels.tested': '已送达，到群里看一下', 'channels.failed': '没有送达：{why}', 'channels.turn_off': '停用', 'channels.turn_on': '启用', 'channels.delete_ask': '删除渠道“{name}”？', 'channels.delete_text': '之后的告警不再通知它。', 'channels.deleted': '已删除',
    'channels.make': '添加渠道', 'channels.edit': '修改渠道：{name}', 'channels.none': '还没有通知渠道', 'channels.none_hint': '在群里添加一个机器人，把它的 Webhook 地址填进来，再发送一条测试。', 'channels.id': '渠道代号', 'channels.id_hint': '小写字母、数字、- 和 _', 'channels.name_hint': '如 值班群', 'channels.url': 'Webhook 地址', 'channels.url_wecom': '企业微信：群设置 → 群机器人 → 添加，复制它的 Webhook 地址', 'channels.url_dingtalk': '钉钉：群设置 → 机器人 → 自定义，安全设置选“加签”', 'channels.url_feishu': '飞书：群设置 → 群机器人 → 自定义机器人', 'channels.url_webhook': '接收方的地址，必须在公网；内网地址由运维在配置里放行', 'channels.secret': '加签密钥', 'channels.secret_hint': '没有加签就留空', 'channels.secret_webhook': '签名密钥', 'channels.secret_webhook_hint': '留空：自动生成，保存后显示一次', 'channels.stays': '留空则不变', 'channels.saved': '已保存', 'channels.shown_once': '签名密钥只显示这一次，请现在保存', 'channels.admin': '渠道由管理员添加和测试。',
    'channels.kind_email': '邮件（SMTP）', 'channels.mail_host': '邮件服务器', 'channels.mail_host_hint': '如 smtp.exmail.qq.com；内网服务器由运维在配置里放行', 'channels.mail_tls': '加密', 'channels.mail_tls_implicit': 'TLS（465 端口）', 'channels.mail_tls_starttls': 'STARTTLS（587 端口）', 'channels.mail_tls_none': '不加密（25 端口，不能带密码）', 'channels.mail_port': '端口', 'channels.mail_port_hint': '留空：按加密方式', 'channels.mail_user': '用户名', 'channels.mail_user_hint': '不需要登录就留空', 'channels.mail_password': '密码或授权码', 'channels.mail_password_hint': '加密保存，不再显示', 'channels.mail_from': '发件人', 'channels.mail_from_hint': '如 鸿雁 <alert@example.com>', 'channels.mail_to': '收件人', 'channels.mail_to_hint': '1 到 20 个，每行一个', 'channels.tested_mail': '服务器已接收，到邮箱里看一下', 'channels.half': '部分没有送达：{why}',
  },
  en: {
    'channels.kind': 'Kind', 'channels.kind_wecom': 'WeCom group robot', 'channels.kind_dingtalk': 'DingTalk group robot', 'channels.kind_feishu': 'Feishu group robot', 'channels.kind_webhook': 'webhook (signed)', 'channels.host': 'Host', 'channels.lang': 'Language', 'channels.lang_zh': 'Chinese', 'channels.lang_en': 'English', 'channels.on': 'on', 'channels.off': 'off', 'channels.signed': 'has a secret', 'channels.test': 'Send a test', 'channels.tested': 'Taken: look at the group', 'channels.failed': 'Not taken: {why}', 'channels.turn_off': 'Switch off', 'channels.turn_on': 'Switch on', 'channels.delete_ask': 'Delete the channel “{name}”?', 'channels.delete_text': 'It is told of no alert any more.', 'channels.deleted': 'Deleted',
    'channels.make': 'Add a channel', 'channels.edit': 'Change the channel: {name}', 'channels.none': 'There is no channel yet', 'channels.none_hint': 'Add a robot to a group, enter its webhook URL here, and send a test.', 'channels.id': 'Name for programs', 'channels.id_hint': 'Small letters, digits, - and _', 'channels.name_hint': 'Like: people on duty', 'channels.url': 'Webhook URL', 'channels.url_wecom': 'WeCom: group settings → group robots → add, and copy its webhook URL', 'channels.url_dingtalk': 'DingTalk: group settings → robots → custom, with signing (加签)', 'channels.url_feishu': 'Feishu: group settings → group robots → custom', 'channels.url_webhook': 'Where it is received, on the open internet; your own network is opened in the settings', 'channels.secret': 'Signing key', 'channels.secret_hint': 'Empty where nothing is signed', 'channels.secret_webhook': 'Signing secret', 'channels.secret_webhook_hint': 'Empty: one is made, and shown once', 'channels.stays': 'Empty: it stays', 'channels.saved': 'Saved', 'channels.shown_once': 'The signing secret is shown only now: keep it', 'channels.admin': 'Channels are added and tested by an admin.',
    'channels.kind_email': 'e-mail (SMTP)', 'channels.mail_host': 'Mail server', 'channels.mail_host_hint': 'Like smtp.example.com; one in your own network is opened in the settings', 'channels.mail_tls': 'Encryption', 'channels.mail_tls_implicit': 'TLS (port 465)', 'channels.mail_tls_starttls': 'STARTTLS (port 587)', 'channels.mail_tls_none': 'none (port 25, and no password)', 'channels.mail_port': 'Port', 'channels.mail_port_hint': 'Empty: by the encryption', 'channels.mail_user': 'User', 'channels.mail_user_hint': 'Empty where no login is wanted', 'channels.mail_password': 'Password', 'channels.mail_password_hint': 'Kept sealed, and never shown', 'channels.mail_from': 'From', 'channels.mail_from_hint': 'Like Hongyan <alert@example.com>', 'channels.mail_to': 'To', 'channels.mail_to_hint': '1 to 20, one a line', 'channels.tested_mail': 'Taken by the server: look at the mailbox', 'channels.half': 'Not all were reached: {why}',
  },
});

const KINDS = ['wecom', 'dingtalk', 'feishu', 'webhook', 'email'];
const TLS = ['implicit', 'starttls', 'none'];
const MAIL = ['host', 'port', 'tls', 'user', 'from', 'to'];
const BLANK = { id: '', name: '', kind: 'wecom', lang: 'zh' };

/** Of a channel of e-mail: what the form holds, from what the API shows and to what it wants. */
const opened = ({ mail }) => ({ ...Object.fromEntries(MAIL.map((name) => [`mail_${name}`, mail?.[name] ?? ''])), mail_tls: mail?.tls || TLS[0], mail_to: (mail?.to || []).join('\n') });
const closed = ({ mail_host: host, mail_port: port, mail_tls: tls, mail_user: user, mail_from: from, mail_to: to }) => ({
  host: host.trim(), tls, from: from.trim(), to: to.split(/[\n,;]/).map((text) => text.trim()).filter(Boolean), ...(String(port).trim() && { port: Number(port) }), ...(user.trim() && { user: user.trim() }),
});

const MailFields = ({ form }) => html`<${Field} form=${form} name="mail_host" at="mail.host" label=${t('channels.mail_host')} hint=${t('channels.mail_host_hint')} autocomplete="off" required />
  <${Field} form=${form} name="mail_tls" at="mail.tls" label=${t('channels.mail_tls')} options=${TLS.map((word) => [word, t(`channels.mail_tls_${word}`)])} /><${Field} form=${form} name="mail_port" at="mail.port" type="number" min="1" max="65535" label=${t('channels.mail_port')} hint=${t('channels.mail_port_hint')} />
  <${Field} form=${form} name="mail_user" at="mail.user" label=${t('channels.mail_user')} hint=${t('channels.mail_user_hint')} autocomplete="off" /><${Field} form=${form} name="mail_from" at="mail.from" label=${t('channels.mail_from')} hint=${t('channels.mail_from_hint')} required />
  <${Field} form=${form} name="mail_to" at="mail.to" type="textarea" label=${t('channels.mail_to')} hint=${t('channels.mail_to_hint')} required />`;

function Edit({ channel, done, show }) {
  const form = useForm({ ...channel, ...opened(channel), url: '', secret: '' }, async (values) => {
    const { id, name, kind, lang, url: address, secret } = values;
    const where = kind === 'email' ? { mail: closed(values) } : address.trim() && { url: address.trim() };
    const given = { name: name.trim(), lang, ...where, ...(secret.trim() && { secret: secret.trim() }) };
    if (channel.id) await api.patch(`/api/v1/alerts/channels/${channel.id}`, given);
    else show(await api.post('/api/v1/alerts/channels', { id: id.trim(), kind, ...given }));
    toast(t('channels.saved'), 'good');
    done();
  });
  const { kind } = form.values;
  const signed = { webhook: 'secret_webhook', email: 'mail_password' }[kind] || 'secret';
  const stays = channel.id && t('channels.stays');
  return html`<${Card} title=${channel.id ? t('channels.edit', { name: channel.name }) : t('channels.make')} data-part="edit"><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['id', 'name', 'kind', 'url', 'secret', 'lang', ...MAIL.map((name) => `mail.${name}`)]} /></div>
    ${!channel.id && html`<${Field} form=${form} name="kind" label=${t('channels.kind')} options=${KINDS.map((word) => [word, t(`channels.kind_${word}`)])} /><${Field} form=${form} name="id" label=${t('channels.id')} hint=${t('channels.id_hint')} autocomplete="off" required />`}
    <${Field} form=${form} name="name" label=${t('word.name')} hint=${t('channels.name_hint')} required />
    ${kind === 'email' ? html`<${MailFields} form=${form} />` : html`<${Field} form=${form} name="url" label=${t('channels.url')} hint=${stays || t(`channels.url_${kind}`)} autocomplete="off" required=${!channel.id} />`}
    ${kind !== 'wecom' && html`<${Field} form=${form} name="secret" type="password" label=${t(`channels.${signed}`)} hint=${stays || t(`channels.${signed}_hint`)} autocomplete="off" />`}<${Field} form=${form} name="lang" label=${t('channels.lang')} options=${['zh', 'en'].map((word) => [word, t(`channels.lang_${word}`)])} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('act.save')}</button><button type="button" class="button" onClick=${done}>${t('act.cancel')}</button></div></form><//>`;
}

/** What a test came to; it stays in the row until the next. */
function Tested({ result, kind }) {
  if (!result) return null;
  const taken = result.error ? t('channels.half', { why: result.error }) : t(kind === 'email' ? 'channels.tested_mail' : 'channels.tested');
  return html`<p class=${result.error ? 'fault' : 'faint'} role="status">${result.sent ? taken : t('channels.failed', { why: result.error })}</p>`;
}

export default function Channels() {
  const me = useMe();
  const [query] = useQuery();
  const [made, show] = useState(null);
  const [tested, tell] = useState({});
  const { data, problem, again } = useData((signal) => api.get('/api/v1/alerts/channels', {}, signal), []);
  const admin = may(me, 'admin');
  const done = () => {
    go(url('/alerts', { tab: 'channels' }), { replace: true });
    again();
  };
  const test = async ({ id }) => {
    const result = await act(() => api.post(`/api/v1/alerts/channels/${id}/test`, {}));
    if (result) tell((before) => ({ ...before, [id]: result }));
  };
  const turn = async ({ id, enabled }) => {
    await act(() => api.patch(`/api/v1/alerts/channels/${id}`, { enabled: !enabled }), t('act.done'));
    again();
  };
  const remove = async ({ id, name }) => {
    if (!(await ask({ title: t('channels.delete_ask', { name }), text: t('channels.delete_text'), yes: t('act.delete'), danger: true }))) return;
    await act(() => api.delete(`/api/v1/alerts/channels/${id}`, {}), t('channels.deleted'));
    again();
  };
  const acts = (row) => html`<div><div class="actions"><button type="button" class="button small" onClick=${() => test(row)}>${t('channels.test')}</button><button type="button" class="button small" onClick=${() => turn(row)}>${t(row.enabled ? 'channels.turn_off' : 'channels.turn_on')}</button>
    <button type="button" class="button small danger" onClick=${() => remove(row)}>${t('act.delete')}</button></div><${Tested} result=${tested[row.id]} kind=${row.kind} /></div>`;
  const columns = [
    { key: 'name', label: t('word.name'), cell: (row) => html`<span>${admin ? html`<${Link} href=${url('/alerts', { tab: 'channels', edit: row.id })}><strong>${row.name}</strong><//>` : html`<strong>${row.name}</strong>`}<br /><${Id} value=${row.id} /></span>` },
    { key: 'kind', label: t('channels.kind'), cell: (row) => html`<span>${t(`channels.kind_${row.kind}`)} ${row.secret && html`<${Badge}>${t('channels.signed')}<//>`}</span>` },
    { key: 'host', label: t('channels.host'), cell: (row) => html`<code>${row.host}</code>` },
    { key: 'lang', label: t('channels.lang'), cell: (row) => t(`channels.lang_${row.lang}`) },
    { key: 'state', label: t('word.state'), cell: (row) => html`<${Badge} tone=${row.enabled ? 'good' : 'calm'}>${t(row.enabled ? 'channels.on' : 'channels.off')}<//>` },
    ...(admin ? [{ key: 'act', label: t('word.actions'), cell: acts }] : []),
  ];
  if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  const channel = query.make ? BLANK : data.channels.find(({ id }) => id === query.edit);
  const make = html`<${Link} class="button primary" href=${url('/alerts', { tab: 'channels', make: 1 })}>${t('channels.make')}<//>`;
  const empty = html`<${Empty} title=${t('channels.none')}><p>${t('channels.none_hint')}</p>${admin && make}<//>`;
  return html`<div class="stack" data-part="channels">${made?.secret?.startsWith('whsec_') && html`<div class="warn-text made" role="status"><strong>${t('channels.shown_once')}</strong><${Command}>${made.secret}<//></div>`}
    ${admin && channel && html`<${Edit} key=${channel.id} channel=${channel} done=${done} show=${show} />`}
    ${admin ? !channel && data.channels.length > 0 && html`<div class="actions">${make}</div>` : html`<p class="note">${t('channels.admin')}</p>`}
    ${!(channel && !data.channels.length) && html`<${Table} columns=${columns} rows=${data.channels} id=${(row) => row.id} empty=${empty} label=${t('alerts.channels')} />`}</div>`;
}
