// The self-check of a day: each standard, what came of it, what the system did, the messages that went against it.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { today } from '../../clock.js';
import { number, share } from '../../format.js';
import { useData } from '../../live.js';
import { Link, useQuery } from '../../router.js';
import { Badge, Card, Id, Loading, Time, Trouble } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';

words({
  zh: {
    'report.day': '日期（北京时间）', 'report.csv': '下载 CSV', 'report.made': '生成于', 'report.incomplete': '这一天还没有复查完：以下是发送时规则的计数。', 'report.sent': '微信已受理 {n} 条', 'report.authenticity': '真实性', 'report.frequency': '频率', 'report.authorisation': '授权',
    'report.passed': '通过', 'report.found': '有问题', 'report.pending': '待复查', 'report.not_asked': '规则未启用', 'report.checked': '已检查', 'report.offending': '不符合', 'report.share': '占比', 'report.refused': '已拒绝', 'report.held': '已暂缓', 'report.observed': '仅观察', 'report.braked': '熔断拦下', 'report.blocked': '平台拦截', 'report.penalty': '违反的后果', 'report.when': '检查时机', 'report.detail': '发现', 'report.offenders': '不符合的消息（前 100 条）',
  },
  en: {
    'report.day': 'Day (Beijing time)', 'report.csv': 'Download CSV', 'report.made': 'Made', 'report.incomplete': 'The messages of this day are not looked at again yet: these are the counts of the rules.', 'report.sent': 'WeChat took {n}', 'report.authenticity': 'Authenticity', 'report.frequency': 'Frequency', 'report.authorisation': 'Permission',
    'report.passed': 'passed', 'report.found': 'found something', 'report.pending': 'not looked at yet', 'report.not_asked': 'rule is off', 'report.checked': 'Looked at', 'report.offending': 'Against it', 'report.share': 'Share', 'report.refused': 'Refused', 'report.held': 'Held', 'report.observed': 'Observed', 'report.braked': 'Braked', 'report.blocked': 'Blocked', 'report.penalty': 'What may follow', 'report.when': 'Looked at', 'report.detail': 'Found', 'report.offenders': 'Messages against it (the first 100)',
  },
});

const TONES = { passed: 'good', found: 'bad', pending: 'calm', not_asked: 'warn' };

function Check({ check }) {
  const figures = [['checked', check.checked], ['offending', check.found], ...['refused', 'held', 'observed', 'braked', 'blocked'].map((name) => [name, check.did[name]])];
  const columns = [
    { key: 'message', label: t('word.message'), cell: (row) => html`<${Id} value=${row.message} short=${14} href=${`/messages/${row.message}`} />` },
    { key: 'template_id', label: t('word.template'), cell: (row) => html`<${Id} value=${row.template_id} short=${12} />` },
    { key: 'scenario', label: t('word.scenario'), cell: (row) => row.scenario || '–' },
    { key: 'detail', label: t('report.detail') },
  ];
  return html`<${Card} title=${t(`report.${check.check}`)} aside=${html`<${Badge} tone=${TONES[check.state]}>${t(`report.${check.state}`)}<//>`}><p><strong>${said(check.standard)}</strong></p>
    <dl class="facts compact">${figures.map(([name, value]) => html`<div key=${name}><dt>${t(`report.${name}`)}</dt><dd>${number(value)}</dd></div>`)}<div><dt>${t('report.share')}</dt><dd>${check.checked ? share(check.found, check.checked) : '–'}</dd></div></dl>
    <p class="faint">${t('report.when')}: ${said(check.checked_when)} · ${t('report.penalty')}: ${said(check.penalty)}</p>
    ${check.offenders.length > 0 && html`<details><summary>${t('report.offenders')}</summary><${Table} columns=${columns} rows=${check.offenders} id=${(row) => row.message} label=${t('report.offenders')} /></details>`}<//>`;
}

export default function Report({ appid }) {
  const [query, set] = useQuery();
  const day = query.day || '';
  const { data, problem, again } = useData((signal) => api.get('/api/v1/compliance/report', { appid, day }, signal), [appid, day]);
  return html`<div class="stack" data-part="report"><div class="filter-row"><label class="filter"><span>${t('report.day')}</span><input type="date" name="day" max=${today()} value=${day || data?.day || ''} onChange=${(event) => set({ day: event.target.value })} /></label>
    ${data && html`<div><a class="button" href=${url('/api/v1/compliance/report', { appid, day: data.day, format: 'csv' })} download=${`self-check-${data.day}.csv`}>${t('report.csv')}</a></div>`}</div>
    <${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${data && html`<p class="note"><${Link} href=${`/messages?appid=${appid}&since=${data.day}T00:00:00%2B08:00`}>${t('report.sent', { n: number(data.sent) })}<//> · ${t('report.made')} <${Time} at=${data.made_at} /></p>${!data.complete && html`<p class="warn-text">${t('report.incomplete')}</p>`}
    ${data.checks.map((check) => html`<${Check} key=${check.check} check=${check} />`)}`}</div>`;
}
