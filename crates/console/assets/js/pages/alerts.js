// Alerts: what rules found, the rules, whom they tell, what was told.
import { html } from '../lib.js';
import { t, words } from '../i18n.js';
import { useQuery } from '../router.js';
import { Head } from '../ui/basic.js';
import { Tabs } from '../ui/place.js';
import Channels from './alerts/channels.js';
import Found from './alerts/found.js';
import Notes from './alerts/notes.js';
import Rules from './alerts/rules.js';

words({
  zh: { 'alerts.title': '告警', 'alerts.note': '每分钟按规则检查一次；触发后通知渠道，恢复时再通知。', 'alerts.found': '告警', 'alerts.rules': '规则', 'alerts.channels': '通知渠道', 'alerts.notes': '通知记录' },
  en: { 'alerts.title': 'Alerts', 'alerts.note': 'Rules are looked at once a minute; channels are told when one is broken, and when that is over.', 'alerts.found': 'Alerts', 'alerts.rules': 'Rules', 'alerts.channels': 'Channels', 'alerts.notes': 'Notices sent' },
});

const PARTS = { found: Found, rules: Rules, channels: Channels, notes: Notes };

export default function Alerts() {
  const [query] = useQuery();
  const tab = PARTS[query.tab] ? query.tab : 'found';
  const Part = PARTS[tab];
  return html`<${Head} title=${t('alerts.title')} note=${t('alerts.note')} /><${Tabs} tabs=${Object.keys(PARTS).map((word) => [word, t(`alerts.${word}`)])} /><${Part} key=${tab} />`;
}
