// What syncs found that others did to the templates at WeChat.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { listed } from '../../format.js';
import { useData } from '../../live.js';
import { Link, useQuery } from '../../router.js';
import { Badge, Empty, Id, Time } from '../../ui/basic.js';
import { PagedTable } from '../../ui/table.js';

words({
  zh: {
    'notices.at': '发现于', 'notices.kind': '变更', 'notices.added': '新增', 'notices.changed': '修改', 'notices.removed': '删除', 'notices.title': '标题', 'notices.content': '内容', 'notices.example': '示例', 'notices.primary_industry': '一级行业', 'notices.deputy_industry': '二级行业', 'notices.none': '没有别人做过的变更', 'notices.none_hint': '有人在微信后台增加、修改或删除模板后，下一次同步会记在这里。', 'notices.library': '去同步',
  },
  en: {
    'notices.at': 'Found', 'notices.kind': 'Change', 'notices.added': 'added', 'notices.changed': 'changed', 'notices.removed': 'deleted', 'notices.title': 'title', 'notices.content': 'content', 'notices.example': 'example', 'notices.primary_industry': 'primary industry', 'notices.deputy_industry': 'secondary industry', 'notices.none': 'Nobody else changed anything', 'notices.none_hint': 'What people add, change or delete in WeChat’s console is noted here by the next sync.', 'notices.library': 'Go and sync',
  },
});

const TONES = { added: 'info', changed: 'warn', removed: 'bad' };

/** What was done, and to which parts. */
export const Change = ({ notice }) => html`<span><${Badge} tone=${TONES[notice.kind]}>${t(`notices.${notice.kind}`)}<//> ${listed(notice.changed.map((part) => t(`notices.${part}`)))}</span>`;

export default function Notices({ appid }) {
  const [query] = useQuery();
  const page = useData((signal) => api.get(`/api/v1/accounts/${appid}/templates/notices`, { cursor: query.cursor, limit: 50 }, signal), [appid, query.cursor]);
  const columns = [
    { key: 'at', label: t('notices.at'), cell: (row) => html`<${Time} at=${row.at} />` },
    { key: 'kind', label: t('notices.kind'), cell: (row) => html`<${Change} notice=${row} />` },
    { key: 'title', label: t('word.template'), cell: (row) => html`<span><${Link} href=${url(`/templates/${row.template_id}`, { appid })}>${row.title}<//><br /><${Id} value=${row.template_id} short=${14} /></span>` },
  ];
  const empty = html`<${Empty} title=${t('notices.none')}><p>${t('notices.none_hint')}</p><${Link} class="button" href=${url('/templates', { appid })}>${t('notices.library')}<//><//>`;
  return html`<div class="stack" data-part="notices"><${PagedTable} page=${page} of=${(data) => data.notices} columns=${columns} id=${(row) => row.id} label=${t('templates.notices')} empty=${empty} /></div>`;
}
