// For programs: keys, what they asked, every call of the API, which WeChat is spoken to.
import { html } from '../lib.js';
import { t, words } from '../i18n.js';
import { useQuery } from '../router.js';
import { Card, Head } from '../ui/basic.js';
import { Tabs } from '../ui/place.js';
import { WeChat } from '../ui/wechat.js';
import Explorer from './developers/explorer.js';
import Keys from './developers/keys.js';
import Requests from './developers/requests.js';

words({
  zh: { 'developers.title': '开发者', 'developers.note': '程序用 API 密钥调用；控制台能做的，API 都能做。', 'developers.openapi': 'OpenAPI 文档', 'developers.keys': '密钥', 'developers.requests': '调用记录', 'developers.api': '接口', 'developers.wechat': '模拟器', 'developers.wechat_note': '模拟器是在本机运行的“微信”：不需要公众号，也不会给真人发消息。服务启动时读取地址，改动后需要重启。' },
  en: { 'developers.title': 'Developers', 'developers.note': 'Programs call with an API key; whatever the console does, the API does too.', 'developers.openapi': 'OpenAPI document', 'developers.keys': 'Keys', 'developers.requests': 'Requests', 'developers.api': 'API', 'developers.wechat': 'Simulator', 'developers.wechat_note': 'A WeChat that runs on this machine: it needs no account and writes to nobody. The address is read when the server starts.' },
});

const Simulator = () => html`<${Card} title=${t('developers.wechat')}><p class="note">${t('developers.wechat_note')}</p><${WeChat} /><//>`;

const PARTS = { keys: Keys, requests: Requests, api: Explorer, wechat: Simulator };

export default function Developers() {
  const [query] = useQuery();
  const tab = PARTS[query.tab] ? query.tab : 'keys';
  const Part = PARTS[tab];
  return html`<${Head} title=${t('developers.title')} note=${t('developers.note')}><a class="button" href="/api/openapi.json" target="_blank" rel="noopener">${t('developers.openapi')}</a><//>
    <${Tabs} tabs=${Object.keys(PARTS).map((word) => [word, t(`developers.${word}`)])} /><${Part} key=${tab} />`;
}
