// What users change of themselves: password, second factor, where they are logged in.
import { html, useState } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { useData } from '../live.js';
import { useMe } from '../me.js';
import { Badge, Card, Head, Id, Time, Trouble } from '../ui/basic.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';
import { ask } from '../ui/confirm.js';
import { Table } from '../ui/table.js';
import { toast } from '../ui/toast.js';

words({
  zh: {
    'me.title': '我的', 'me.password': '修改密码', 'me.current': '当前密码', 'me.new': '新密码', 'me.new_hint': '至少 10 个字符；修改后其他登录会退出', 'me.changed': '密码已修改',
    'me.totp': '两步验证', 'me.totp_on': '已启用', 'me.totp_off': '未启用', 'me.turn_on': '启用', 'me.turn_off': '停用', 'me.secret': '在身份验证器应用中添加这个密钥', 'me.code': '应用显示的 6 位数字', 'me.totp_done': '已更新两步验证',
    'me.sessions': '登录的地方', 'me.since': '登录于', 'me.seen': '最近使用', 'me.address': '地址', 'me.agent': '浏览器', 'me.here': '当前', 'me.end': '退出', 'me.end_ask': '让这个登录退出？', 'me.end_text': '那个浏览器需要重新登录。', 'me.action': '操作',
  },
  en: {
    'me.title': 'My account', 'me.password': 'Change the password', 'me.current': 'Password until now', 'me.new': 'New password', 'me.new_hint': '10 characters or more; other logins end', 'me.changed': 'The password is changed',
    'me.totp': 'Second factor', 'me.totp_on': 'on', 'me.totp_off': 'off', 'me.turn_on': 'Turn on', 'me.turn_off': 'Turn off', 'me.secret': 'Add this secret to your authenticator app', 'me.code': 'Six digits that the app shows', 'me.totp_done': 'The second factor is changed',
    'me.sessions': 'Logged in at', 'me.since': 'Since', 'me.seen': 'Last used', 'me.address': 'Address', 'me.agent': 'Browser', 'me.here': 'here', 'me.end': 'Log out', 'me.end_ask': 'Log this one out?', 'me.end_text': 'That browser has to log in again.', 'me.action': 'Action',
  },
});

function Password() {
  const form = useForm({ current_password: '', password: '' }, async (values) => {
    await api.patch('/api/v1/me', values);
    form.put('current_password', '');
    form.put('password', '');
    toast(t('me.changed'), 'good');
  });
  return html`<${Card} title=${t('me.password')}><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['current_password', 'password']} />
    <${Field} form=${form} name="current_password" type="password" label=${t('me.current')} autocomplete="current-password" required />
    <${Field} form=${form} name="password" type="password" label=${t('me.new')} hint=${t('me.new_hint')} autocomplete="new-password" required />
    <button class="button primary" disabled=${form.busy}>${t('act.save')}</button></form><//>`;
}

function Second() {
  const me = useMe();
  const [on, turn] = useState(me.totp);
  const [secret, show] = useState(null);
  const form = useForm({ current: '', code: '' }, async ({ current, code }) => {
    const totp = on ? { turn: 'off' } : { turn: 'on', secret: secret.secret, code };
    await api.patch('/api/v1/me', { current_password: current, totp });
    turn(!on);
    show(null);
    toast(t('me.totp_done'), 'good');
  });
  const begin = async () => show(await api.patch('/api/v1/me', { totp: { turn: 'begin' } }));
  return html`<${Card} title=${t('me.totp')} aside=${html`<${Badge} tone=${on ? 'good' : 'calm'}>${on ? t('me.totp_on') : t('me.totp_off')}<//>`}>
    ${!on && !secret ? html`<button type="button" class="button" onClick=${begin}>${t('me.turn_on')}</button>` : html`<form onSubmit=${form.onSubmit}>
    <${FormTrouble} form=${form} fields=${['current_password', 'totp.code']} />
    ${secret && html`<p>${t('me.secret')}: <${Id} value=${secret.secret} /></p><${Field} form=${form} name="code" at="totp.code" label=${t('me.code')} inputmode="numeric" autocomplete="one-time-code" required />`}
    <${Field} form=${form} name="current" at="current_password" type="password" label=${t('me.current')} autocomplete="current-password" required />
    <button class="button primary" disabled=${form.busy}>${on ? t('me.turn_off') : t('me.turn_on')}</button></form>`}<//>`;
}

function Sessions() {
  const { data, problem, again } = useData((signal) => api.get('/api/v1/sessions', {}, signal), []);
  const end = async (session) => {
    if (!(await ask({ title: t('me.end_ask'), text: t('me.end_text'), yes: t('me.end'), danger: true }))) return;
    await api.delete(`/api/v1/sessions/${session.id}`, {}).catch((problem) => toast(problem.message, 'bad'));
    again();
  };
  const columns = [
    { key: 'created_at', label: t('me.since'), cell: (row) => html`<${Time} at=${row.created_at} />` },
    { key: 'last_seen_at', label: t('me.seen'), cell: (row) => html`<${Time} at=${row.last_seen_at} />` },
    { key: 'address', label: t('me.address') },
    { key: 'agent', label: t('me.agent') },
    { key: 'end', label: t('me.action'), cell: (row) => (row.current ? html`<${Badge} tone="good">${t('me.here')}<//>` : html`<button type="button" class="button small" onClick=${() => end(row)}>${t('me.end')}</button>`) },
  ];
  return html`<${Card} title=${t('me.sessions')}><${Trouble} problem=${problem} />${data && html`<${Table} columns=${columns} rows=${data.sessions} id=${(row) => row.id} label=${t('me.sessions')} />`}<//>`;
}

export default function Me() {
  const me = useMe();
  return html`<${Head} title=${t('me.title')} note=${`${me.name} · ${t(`role.${me.role}`)}`} /><div class="columns"><${Password} /><${Second} /></div><${Sessions} />`;
}
