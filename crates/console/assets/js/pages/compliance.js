// Compliance: what waits for a person, the daily self-check, what speaks against templates, the word list.
import { html } from '../lib.js';
import { url } from '../api.js';
import { t, words } from '../i18n.js';
import { Link, useQuery } from '../router.js';
import { AccountPage, Tabs } from '../ui/place.js';
import Approvals from './compliance/approvals.js';
import Report from './compliance/report.js';
import { Blocked, Brakes, Complaints, Risk } from './compliance/signals.js';
import Words from './compliance/words.js';

words({
  zh: {
    'compliance.title': '合规', 'compliance.note': '发送前检查内容、频率和授权；这里处理需要人决定的部分。', 'compliance.approvals': '待审', 'compliance.report': '每日自查', 'compliance.blocked': '平台拦截', 'compliance.risk': '模板风险', 'compliance.brakes': '熔断', 'compliance.complaints': '投诉', 'compliance.words': '词表', 'compliance.rules': '规则',
  },
  en: {
    'compliance.title': 'Compliance', 'compliance.note': 'Content, frequency and permission are checked before each send; here is what people decide.', 'compliance.approvals': 'Approvals', 'compliance.report': 'Self-check', 'compliance.blocked': 'Blocked', 'compliance.risk': 'Risk', 'compliance.brakes': 'Brakes', 'compliance.complaints': 'Complaints', 'compliance.words': 'Word list', 'compliance.rules': 'Rules',
  },
});

const PARTS = { approvals: Approvals, report: Report, risk: Risk, brakes: Brakes, blocked: Blocked, complaints: Complaints, words: Words };

export default function Compliance() {
  const [query] = useQuery();
  const tab = PARTS[query.tab] ? query.tab : 'approvals';
  const Part = PARTS[tab];
  const tabs = Object.keys(PARTS).map((word) => [word, t(`compliance.${word}`)]);
  const acts = ({ appid }) => html`<${Link} class="button" href=${url('/compliance/rules', { appid })}>${t('compliance.rules')}<//>`;
  return html`<${AccountPage} title=${t('compliance.title')} note=${t('compliance.note')} acts=${acts}>${(account) => html`<${Tabs} tabs=${tabs} keep=${['appid']} /><${Part} key=${`${tab}.${account.appid}`} account=${account} appid=${account.appid} />`}<//>`;
}
