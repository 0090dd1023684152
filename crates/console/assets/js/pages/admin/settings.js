// What the installation runs with and who says so; how long each thing is kept, in words.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { has, t, words } from '../../i18n.js';
import { lasting, listed } from '../../format.js';
import { useData } from '../../live.js';
import { Card, Loading, Trouble } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';

words({
  zh: {
    'settings.kept': '保留期限', 'settings.all': '全部设置', 'settings.note': '启动时读取：改配置文件或环境变量后重启服务。每一项的含义见 config.default.toml；密钥不显示。', 'settings.key': '设置', 'settings.value': '值', 'settings.source': '来源', 'settings.default': '默认', 'settings.set': '已设置', 'settings.empty': '空',
    'settings.retention.keep': '已结束的消息', 'settings.retention.archive': '到期消息归档到', 'settings.retention.await_receipt': '等待微信回执', 'settings.retention.keep_audit': '审计', 'settings.retention.keep_people': '久无音信的接收者', 'settings.retention.keep_incidents': '拦截与投诉', 'settings.retention.keep_reports': '每日自查', 'settings.retention.keep_minutes': '每分钟计数', 'settings.retention.keep_hours': '每小时计数', 'settings.privacy.on_unsubscribe': '取消关注后的数据', 'settings.word_keep': '保留', 'settings.word_erase': '立即删除',
  },
  en: {
    'settings.kept': 'How long things are kept', 'settings.all': 'All settings', 'settings.note': 'Read at the start: change the file or the environment, and start the server again. config.default.toml tells what each is; secrets are not shown.', 'settings.key': 'Setting', 'settings.value': 'Value', 'settings.source': 'Set by', 'settings.default': 'default', 'settings.set': 'set', 'settings.empty': 'empty',
    'settings.retention.keep': 'Finished messages', 'settings.retention.archive': 'What is removed is appended to', 'settings.retention.await_receipt': 'Receipts are awaited', 'settings.retention.keep_audit': 'Audit', 'settings.retention.keep_people': 'People of whom nothing was heard', 'settings.retention.keep_incidents': 'Blocks and complaints', 'settings.retention.keep_reports': 'Daily self-checks', 'settings.retention.keep_minutes': 'Counters by the minute', 'settings.retention.keep_hours': 'Counters by the hour', 'settings.privacy.on_unsubscribe': 'Data of whoever unsubscribes', 'settings.word_keep': 'kept', 'settings.word_erase': 'removed at once',
  },
});

const text = (value) => (Array.isArray(value) ? listed(value) : String(value)) || html`<span class="faint">${t('settings.empty')}</span>`;

function Kept({ settings }) {
  const kept = settings.filter(({ key }) => has(`settings.${key}`));
  const shown = ({ value }) => (has(`settings.word_${value}`) ? t(`settings.word_${value}`) : value === '' ? text(value) : lasting(String(value)));
  return html`<${Card} title=${t('settings.kept')} data-part="kept"><dl class="facts">${kept.map((one) => html`<div key=${one.key}><dt>${t(`settings.${one.key}`)}</dt><dd>${shown(one)}</dd></div>`)}</dl><//>`;
}

export default function Settings() {
  const { data, problem, again } = useData((signal) => api.get('/api/v1/settings', {}, signal), []);
  const columns = [
    { key: 'key', label: t('settings.key'), cell: (row) => html`<code>${row.key}</code>` },
    { key: 'value', label: t('settings.value'), cell: (row) => (row.value === '(set)' ? t('settings.set') : html`<code>${text(row.value)}</code>`) },
    { key: 'source', label: t('settings.source'), cell: (row) => (row.source === 'default' ? html`<span class="faint">${t('settings.default')}</span>` : html`<code>${row.source}</code>`) },
  ];
  if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  return html`<div class="stack" data-part="settings"><${Kept} settings=${data.settings} /><h2>${t('settings.all')}</h2><p class="note">${t('settings.note')}</p>
    <${Table} columns=${columns} rows=${data.settings} id=${(row) => row.key} label=${t('settings.all')} /></div>`;
}
