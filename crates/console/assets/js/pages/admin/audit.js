// What was done, by whom, from where.
import { html, useState } from '../../lib.js';
import { api } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { number } from '../../format.js';
import { useData } from '../../live.js';
import { useMe } from '../../me.js';
import { useQuery } from '../../router.js';
import { useAccounts } from '../../known.js';
import { Badge, Card, Empty, Id, Time } from '../../ui/basic.js';
import { Field, FormTrouble, useForm } from '../../ui/form.js';
import { Filters, PagedTable } from '../../ui/table.js';

words({
  zh: {
    'audit.verify': '验证整条链', 'audit.verify_note': '每一行都与之前的行相连；修改、删除或截断过的行会被指出。', 'audit.whole': '完整', 'audit.broken': '有问题', 'audit.rows': '共 {n} 行', 'audit.newest': '最新一行，请另存他处：', 'audit.remembered': '以前另存的最新一行（可选）', 'audit.remembered_hint': '填上它，整个换回旧文件也能发现', 'admin.actor': '操作人', 'admin.action': '操作', 'admin.subject': '对象', 'admin.detail': '详情', 'admin.audit_none': '没有符合条件的记录', 'admin.audit_hint': '放宽条件再查。', 'admin.hash': '校验值',
  },
  en: {
    'audit.verify': 'Verify the whole chain', 'audit.verify_note': 'Each row is tied to all rows before: one that was edited, removed or cut off is named.', 'audit.whole': 'whole', 'audit.broken': 'broken', 'audit.rows': '{n} rows', 'audit.newest': 'The newest row; keep it elsewhere:', 'audit.remembered': 'A newest row kept before (optional)', 'audit.remembered_hint': 'With it, an older file put back whole is found too', 'admin.actor': 'Who', 'admin.action': 'What', 'admin.subject': 'To what', 'admin.detail': 'More', 'admin.audit_none': 'No row fits', 'admin.audit_hint': 'Ask for less.', 'admin.hash': 'Hash',
  },
});

/** Short details stand in the row, long ones fold. */
function Detail({ detail }) {
  const text = JSON.stringify(detail);
  if (text === '{}' || text === 'null') return html`<span class="faint">–</span>`;
  return text.length < 60 ? html`<code>${text}</code>` : html`<details><summary>${text.slice(0, 40)}…</summary><pre class="code-box" tabindex="0">${JSON.stringify(detail, null, 2)}</pre></details>`;
}

/** The whole chain is computed again at a click; its newest row, kept elsewhere, shows whether all of it was put back. */
function Verify() {
  const me = useMe();
  const [found, show] = useState(null);
  const form = useForm({ newest: '' }, async ({ newest }) => {
    show(null);
    show(await api.get('/api/v1/audit/verify', { newest: newest.trim() }));
  });
  if (me.appids.length) return null;
  const told = found && html`<div class="stack" aria-live="polite"><p><${Badge} tone=${found.ok ? 'good' : 'bad'}>${t(found.ok ? 'audit.whole' : 'audit.broken')}<//> ${t('audit.rows', { n: number(found.rows) })}</p>
    ${found.fault && html`<p class="fault">${said(found.fault.text)}</p>`}${found.newest && html`<p>${t('audit.newest')} <${Id} value=${found.newest} /></p>`}</div>`;
  return html`<${Card} title=${t('audit.verify')} data-part="verify"><p class="note">${t('audit.verify_note')}</p><form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${['newest']} />
    <${Field} form=${form} name="newest" label=${t('audit.remembered')} hint=${t('audit.remembered_hint')} autocomplete="off" /><button class="button" disabled=${form.busy}>${t('audit.verify')}</button></form>${told}<//>`;
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
    <${Verify} /></div>`;
}
