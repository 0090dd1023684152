// Templates of an account: those it has, applications for new ones, what others did to them at WeChat.
import { html } from '../lib.js';
import { t, words } from '../i18n.js';
import { useQuery } from '../router.js';
import { AccountPage, Tabs } from '../ui/place.js';
import Applications from './templates/applications.js';
import Library from './templates/library.js';
import Notices from './templates/notices.js';

words({
  zh: { 'templates.title': '模板', 'templates.note': '公众号在微信的消息模板；在这里添加和删除会同时作用于微信。', 'templates.library': '可用模板', 'templates.applications': '自定义模板申请', 'templates.notices': '微信侧变更' },
  en: { 'templates.title': 'Templates', 'templates.note': 'What the account has at WeChat; adding and deleting here does it there.', 'templates.library': 'Library', 'templates.applications': 'Applications', 'templates.notices': 'Changed at WeChat' },
});

const PARTS = { library: Library, applications: Applications, notices: Notices };

export default function Templates() {
  const [query] = useQuery();
  const tab = PARTS[query.tab] ? query.tab : 'library';
  const Part = PARTS[tab];
  const tabs = Object.keys(PARTS).map((word) => [word, t(`templates.${word}`)]);
  return html`<${AccountPage} title=${t('templates.title')} note=${t('templates.note')}>${({ appid }) => html`<${Tabs} tabs=${tabs} keep=${['appid']} /><${Part} key=${`${tab}.${appid}`} appid=${appid} />`}<//>`;
}
