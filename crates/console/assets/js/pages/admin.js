// For admins: users, where they are logged in, what was done, and how the installation is and runs.
import { html } from '../lib.js';
import { t, words } from '../i18n.js';
import { may, useMe } from '../me.js';
import { useQuery } from '../router.js';
import { Empty, Head } from '../ui/basic.js';
import { Tabs } from '../ui/place.js';
import Audit from './admin/audit.js';
import Health from './admin/health.js';
import Sessions from './admin/sessions.js';
import Settings from './admin/settings.js';
import Users from './admin/users.js';

words({
  zh: {
    'admin.title': '管理', 'admin.users': '用户', 'admin.sessions': '登录', 'admin.audit': '审计', 'admin.needs': '这一页需要管理员角色。', 'admin.health': '运行状况', 'admin.settings': '设置',
  },
  en: {
    'admin.title': 'Admin', 'admin.users': 'Users', 'admin.sessions': 'Sessions', 'admin.audit': 'Audit', 'admin.needs': 'This page takes the role admin.', 'admin.health': 'Health', 'admin.settings': 'Settings',
  },
});

const PARTS = { users: Users, sessions: Sessions, audit: Audit, health: Health, settings: Settings };

export default function Admin() {
  const me = useMe();
  const [query] = useQuery();
  const tab = PARTS[query.tab] ? query.tab : 'users';
  const Part = PARTS[tab];
  if (!may(me, 'admin')) return html`<${Head} title=${t('admin.title')} /><${Empty} title=${t('admin.needs')} />`;
  return html`<${Head} title=${t('admin.title')} /><${Tabs} tabs=${Object.keys(PARTS).map((word) => [word, t(`admin.${word}`)])} /><${Part} key=${tab} />`;
}
