// Where users are logged in, and logging them out.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { Badge, Empty, Loading, Time, Trouble } from '../../ui/basic.js';
import { act } from '../../ui/act.js';
import { ask } from '../../ui/confirm.js';
import { Table } from '../../ui/table.js';

words({
  zh: {
    'admin.end': '退出', 'admin.end_ask': '让 {name} 的这个登录退出？', 'admin.end_text': '那个浏览器需要重新登录。', 'admin.user': '用户', 'admin.since': '登录于', 'admin.seen': '最近使用', 'admin.address': '地址', 'admin.agent': '浏览器', 'admin.current': '当前', 'admin.no_sessions': '没有人登录',
  },
  en: {
    'admin.end': 'Log out', 'admin.end_ask': 'Log this session of {name} out?', 'admin.end_text': 'That browser has to log in again.', 'admin.user': 'User', 'admin.since': 'Since', 'admin.seen': 'Last used', 'admin.address': 'Address', 'admin.agent': 'Browser', 'admin.current': 'here', 'admin.no_sessions': 'Nobody is logged in',
  },
});

export default function Sessions() {
  const { data, problem, again } = useData((signal) => api.get('/api/v1/sessions', { user: '*' }, signal), []);
  const end = async (row) => {
    if (!(await ask({ title: t('admin.end_ask', { name: row.user }), text: t('admin.end_text'), yes: t('admin.end'), danger: true }))) return;
    await act(() => api.delete(`/api/v1/sessions/${row.id}`, {}), t('act.done'));
    again();
  };
  const columns = [
    { key: 'user', label: t('admin.user'), cell: (row) => html`<strong>${row.user}</strong>` }, { key: 'created_at', label: t('admin.since'), cell: (row) => html`<${Time} at=${row.created_at} />` }, { key: 'last_seen_at', label: t('admin.seen'), cell: (row) => html`<${Time} at=${row.last_seen_at} />` },
    { key: 'address', label: t('admin.address') }, { key: 'agent', label: t('admin.agent') },
    { key: 'end', label: t('word.actions'), cell: (row) => (row.current ? html`<${Badge} tone="good">${t('admin.current')}<//>` : html`<button type="button" class="button small" onClick=${() => end(row)}>${t('admin.end')}</button>`) },
  ];
  return html`<div class="stack" data-part="sessions"><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}${data && html`<${Table} columns=${columns} rows=${data.sessions} id=${(row) => row.id} label=${t('admin.sessions')} empty=${html`<${Empty} title=${t('admin.no_sessions')} />`} />`}</div>`;
}
