// Users: added, given a role, disabled.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { useMe } from '../../me.js';
import { useAccounts } from '../../known.js';
import { Badge, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { Table } from '../../ui/table.js';
import { toast } from '../../ui/toast.js';

words({
  zh: {
    'admin.role': '角色', 'admin.last_login': '最近登录', 'admin.totp': '两步验证', 'admin.disabled': '已停用', 'admin.active': '正常', 'admin.disable': '停用', 'admin.enable': '启用', 'admin.disable_ask': '停用用户 {name}？', 'admin.disable_text': '此人会立即退出登录，不能再登录。', 'admin.delete_ask': '删除用户 {name}？', 'admin.delete_text': '此人会立即退出登录，不能恢复。', 'admin.deleted': '已删除', 'admin.totp_off': '关闭两步验证', 'admin.totp_ask': '关闭 {name} 的两步验证？', 'admin.totp_text': '手机丢失时使用；此人可以重新启用。', 'admin.role_ask': '把 {name} 的角色改为“{role}”？', 'admin.role_text': '此人需要重新登录。', 'admin.you': '你', 'admin.role_of': '{name} 的角色', 'admin.add': '添加用户', 'admin.user_name': '用户名', 'admin.user_hint': '小写字母、数字和 . _ - @', 'admin.password': '初始密码', 'admin.password_hint': '至少 10 个字符；请对方登录后修改', 'admin.appids': '可见公众号', 'admin.all': '全部', 'admin.added': '已添加', 'admin.user': '用户',
  },
  en: {
    'admin.role': 'Role', 'admin.last_login': 'Last login', 'admin.totp': 'Second factor', 'admin.disabled': 'disabled', 'admin.active': 'active', 'admin.disable': 'Disable', 'admin.enable': 'Enable', 'admin.disable_ask': 'Disable the user {name}?', 'admin.disable_text': 'They are logged out at once and cannot log in.', 'admin.delete_ask': 'Delete the user {name}?', 'admin.delete_text': 'They are logged out at once, for good.', 'admin.deleted': 'Deleted', 'admin.totp_off': 'Second factor off', 'admin.totp_ask': 'Turn off the second factor of {name}?', 'admin.totp_text': 'For a lost telephone; they can turn it on again.', 'admin.role_ask': 'Make {name} “{role}”?', 'admin.role_text': 'They have to log in again.', 'admin.you': 'you', 'admin.role_of': 'Role of {name}', 'admin.add': 'Add a user', 'admin.user_name': 'User name', 'admin.user_hint': 'Small letters, digits and . _ - @', 'admin.password': 'First password', 'admin.password_hint': '10 characters or more; let them change it', 'admin.appids': 'May see', 'admin.all': 'all', 'admin.added': 'Added', 'admin.user': 'User',
  },
});

const ROLES = ['viewer', 'operator', 'admin'];
const roles = () => ROLES.map((role) => [role, t(`role.${role}`)]);

function Add({ again }) {
  const accounts = useAccounts();
  const form = useForm({ name: '', password: '', role: 'viewer', appid: '' }, async ({ name, password, role, appid }) => {
    await api.post('/api/v1/users', { name: name.trim(), password, role, ...(appid && { appids: [appid] }) });
    ['name', 'password'].forEach((field) => form.put(field, ''));
    toast(t('admin.added'), 'good');
    again();
  });
  return html`<details class="card" data-part="add"><summary><h2>${t('admin.add')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${['name', 'password', 'role', 'appids']} /></div>
    <${Field} form=${form} name="name" label=${t('admin.user_name')} hint=${t('admin.user_hint')} autocomplete="off" required /><${Field} form=${form} name="password" type="password" label=${t('admin.password')} hint=${t('admin.password_hint')} autocomplete="new-password" required />
    <${Field} form=${form} name="role" label=${t('admin.role')} options=${roles()} /><${Field} form=${form} name="appid" at="appids" label=${t('admin.appids')} options=${[['', t('admin.all')], ...accounts.map(({ appid, name }) => [appid, name])]} />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('admin.add')}</button></div></form></details>`;
}

export default function Users() {
  const me = useMe();
  const { data, problem, again } = useData((signal) => api.get('/api/v1/users', {}, signal), []);
  const change = async (name, body, question) => {
    if (!question || (await ask(question))) await act(() => api.patch(`/api/v1/users/${encodeURIComponent(name)}`, body), t('act.done'));
    again();
  };
  const remove = async ({ name }) => {
    if (!(await ask({ title: t('admin.delete_ask', { name }), text: t('admin.delete_text'), yes: t('act.delete'), danger: true }))) return;
    await act(() => api.delete(`/api/v1/users/${encodeURIComponent(name)}`, {}), t('admin.deleted'));
    again();
  };
  const role = ({ name, role: now }) => html`<select aria-label=${t('admin.role_of', { name })} value=${now} onChange=${(event) => change(name, { role: event.target.value }, { title: t('admin.role_ask', { name, role: t(`role.${event.target.value}`) }), text: t('admin.role_text'), yes: t('act.save') })}>${roles().map(([word, text]) => html`<option key=${word} value=${word} selected=${word === now}>${text}</option>`)}</select>`;
  const acts = (row) => html`<div class="actions">${row.disabled_at ? html`<button type="button" class="button small" onClick=${() => change(row.name, { disabled: false })}>${t('admin.enable')}</button>` : html`<button type="button" class="button small" onClick=${() => change(row.name, { disabled: true }, { title: t('admin.disable_ask', { name: row.name }), text: t('admin.disable_text'), yes: t('admin.disable'), danger: true })}>${t('admin.disable')}</button>`}
    ${row.totp && html`<button type="button" class="button small" onClick=${() => change(row.name, { totp: false }, { title: t('admin.totp_ask', { name: row.name }), text: t('admin.totp_text'), yes: t('admin.totp_off'), danger: true })}>${t('admin.totp_off')}</button>`}<button type="button" class="button small danger" onClick=${() => remove(row)}>${t('act.delete')}</button></div>`;
  const columns = [
    { key: 'name', label: t('admin.user'), cell: (row) => html`<strong>${row.name}</strong>` },
    { key: 'role', label: t('admin.role'), cell: (row) => (row.name === me.name ? t(`role.${row.role}`) : role(row)) },
    { key: 'state', label: t('word.state'), cell: (row) => html`<${Badge} tone=${row.disabled_at ? 'calm' : 'good'}>${t(row.disabled_at ? 'admin.disabled' : 'admin.active')}<//>` },
    { key: 'totp', label: t('admin.totp'), cell: (row) => t(row.totp ? 'word.yes' : 'word.no') },
    { key: 'appids', label: t('admin.appids'), cell: (row) => (row.appids.length ? row.appids.map((appid) => html`<${Id} key=${appid} value=${appid} short=${10} />`) : t('admin.all')) },
    { key: 'last_login_at', label: t('admin.last_login'), cell: (row) => html`<${Time} at=${row.last_login_at} />` },
    { key: 'act', label: t('word.actions'), cell: (row) => (row.name === me.name ? html`<${Badge} tone="info">${t('admin.you')}<//>` : acts(row)) },
  ];
  return html`<div class="stack" data-part="users"><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}${data && html`<${Table} columns=${columns} rows=${data.users} id=${(row) => row.name} label=${t('admin.users')} />`}<${Add} again=${again} /></div>`;
}
