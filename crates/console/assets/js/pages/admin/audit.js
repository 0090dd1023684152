// What was done, by whom, from where.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { useQuery } from '../../router.js';
import { useAccounts } from '../../known.js';
import { Command, Empty, Id, Time } from '../../ui/basic.js';
import { Filters, PagedTable } from '../../ui/table.js';

words({
  zh: {
    'admin.actor': '操作人', 'admin.action': '操作', 'admin.subject': '对象', 'admin.detail': '详情', 'admin.verify': '每一行都与之前的行相连。用命令验证整条链：', 'admin.audit_none': '没有符合条件的记录', 'admin.audit_hint': '放宽条件再查。', 'admin.hash': '校验值',
  },
  en: {
    'admin.actor': 'Who', 'admin.action': 'What', 'admin.subject': 'To what', 'admin.detail': 'More', 'admin.verify': 'Each row is tied to all rows before. Verify the whole chain by:', 'admin.audit_none': 'No row fits', 'admin.audit_hint': 'Ask for less.', 'admin.hash': 'Hash',
  },
});

/** Short details stand in the row, long ones fold. */
function Detail({ detail }) {
  const text = JSON.stringify(detail);
  if (text === '{}' || text === 'null') return html`<span class="faint">–</span>`;
  return text.length < 60 ? html`<code>${text}</code>` : html`<details><summary>${text.slice(0, 40)}…</summary><pre class="code-box" tabindex="0">${JSON.stringify(detail, null, 2)}</pre></details>`;
}

export default function Audit() {
  const [{ tab, ...query }] = useQuery();
  const accounts = useAccounts();
  const page = useData((signal) => api.get('/api/v1/audit', { limit: 50, ...query }, signal), [JSON.stringify(query)]);
  const fields = [
    ...(accounts.length > 1 ? [{ name: 'appid', label: t('word.account'), options: accounts.map(({ appid, name }) => [appid, name]) }] : []),
    { name: 'action', label: t('admin.action') }, { name: 'actor', label: t('admin.actor') }, { name: 'since', label: t('word.since'), type: 'datetime-local', more: true }, { name: 'until', label: t('word.until'), type: 'datetime-local', more: true },
  ];
  const columns = [
    { key: 'at', label: t('word.time'), cell: (row) => html`<${Time} at=${row.at} />` }, { key: 'actor', label: t('admin.actor'), cell: (row) => html`<span>${row.actor}<br /><span class="faint">${row.address}</span></span>` },
    { key: 'action', label: t('admin.action'), cell: (row) => html`<code>${row.action}</code>` }, { key: 'subject', label: t('admin.subject'), cell: (row) => html`<${Id} value=${row.subject} short=${24} />` },
    { key: 'detail', label: t('admin.detail'), cell: (row) => html`<${Detail} detail=${row.detail} />` }, { key: 'hash', label: t('admin.hash'), cell: (row) => html`<${Id} value=${row.hash} short=${8} />` },
  ];
  const errors = page.problem?.errors || [];
  return html`<div class="stack" data-part="audit"><${Filters} fields=${fields} />${errors.map((error) => html`<p key=${error.field} class="fault"><code>${error.field}</code> ${error.message}</p>`)}
    <${PagedTable} page=${page} of=${(data) => data.rows} columns=${columns} id=${(row) => row.seq} label=${t('admin.audit')} empty=${html`<${Empty} title=${t('admin.audit_none')}><p>${t('admin.audit_hint')}</p><//>`} />
    <p class="note">${t('admin.verify')}</p><${Command}>hongyan audit verify<//></div>`;
}
