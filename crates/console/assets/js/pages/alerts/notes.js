// What channels were told, and what could not be told.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { Link } from '../../router.js';
import { Badge, Empty, Loading, Time, Trouble } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';

words({
  zh: { 'notes.news': '事由', 'notes.news_firing': '触发', 'notes.news_again': '仍未恢复', 'notes.news_resolved': '恢复', 'notes.text': '内容', 'notes.channel': '渠道', 'notes.state': '结果', 'notes.state_queued': '待发送', 'notes.state_sent': '已发送', 'notes.state_failed': '未送达', 'notes.attempts': '试了 {n} 次', 'notes.none': '还没有通知过', 'notes.none_hint': '规则触发后，每个渠道收到的内容和结果会记在这里。先用“发送测试”确认渠道可用。', 'notes.channels': '通知渠道' },
  en: { 'notes.news': 'Why', 'notes.news_firing': 'it fires', 'notes.news_again': 'it still does', 'notes.news_resolved': 'it is over', 'notes.text': 'What', 'notes.channel': 'Channel', 'notes.state': 'Result', 'notes.state_queued': 'waits', 'notes.state_sent': 'told', 'notes.state_failed': 'not told', 'notes.attempts': '{n} tries', 'notes.none': 'Nobody was told anything yet', 'notes.none_hint': 'What each channel is told when a rule is broken stands here. Send a test first to see that a channel works.', 'notes.channels': 'Channels' },
});

const SHOWN = 100;
const TONES = { queued: 'calm', sent: 'good', failed: 'bad' };

export default function Notes() {
  const { data, problem, again } = useData((signal) => api.get('/api/v1/alerts/notes', { limit: SHOWN }, signal), []);
  const columns = [
    { key: 'at', label: t('word.time'), cell: (row) => html`<${Time} at=${row.at} />` },
    { key: 'news', label: t('notes.news'), cell: (row) => t(`notes.news_${row.news}`) },
    { key: 'text', label: t('notes.text'), cell: (row) => html`<details><summary>${row.title}</summary>${row.lines.map((line, at) => html`<p key=${at}>${line}</p>`)}</details>` },
    { key: 'channel', label: t('notes.channel'), cell: (row) => html`<${Link} href=${url('/alerts', { tab: 'channels', edit: row.channel })}>${row.channel}<//>` },
    { key: 'state', label: t('notes.state'), cell: (row) => html`<span><${Badge} tone=${TONES[row.state]}>${t(`notes.state_${row.state}`)}<//> ${row.attempts > 1 && html`<span class="faint">${t('notes.attempts', { n: row.attempts })}</span>`}${row.error && html`<br /><span class="fault">${row.error}</span>`}</span>` },
  ];
  const empty = html`<${Empty} title=${t('notes.none')}><p>${t('notes.none_hint')}</p><${Link} class="button" href=${url('/alerts', { tab: 'channels' })}>${t('notes.channels')}<//><//>`;
  const rows = data?.notes.map((note, at) => ({ ...note, key: at }));
  return html`<div class="stack" data-part="notes"><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${rows && html`<${Table} columns=${columns} rows=${rows} id=${(row) => row.key} label=${t('alerts.notes')} empty=${empty} />`}</div>`;
}
