// Scenarios of an account, with how punctual each was.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { t, words } from '../i18n.js';
import { number } from '../format.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link } from '../router.js';
import { useTemplates } from '../known.js';
import { Badge, Empty, Loading, Trouble } from '../ui/basic.js';
import { AccountPage } from '../ui/place.js';
import { Table } from '../ui/table.js';

words({
  zh: { 'scenarios.title': '场景', 'scenarios.note': '一个业务事件对应一条消息：用哪个模板、怎么填、何时发。', 'scenarios.add': '从目录新建', 'scenarios.empty': '还没有场景', 'scenarios.empty_hint': '目录里有支付成功、订单发货等现成场景，绑定模板即可使用。', 'scenarios.on_time': '准时率（7 天）', 'scenarios.variants': '{n} 个版本对比', 'scenarios.none_counted': '还没有发送', 'scenarios.unbound': '未绑定' },
  en: { 'scenarios.title': 'Scenarios', 'scenarios.note': 'One business event, one message: which template, filled how, sent when.', 'scenarios.add': 'New from the catalogue', 'scenarios.empty': 'No scenarios yet', 'scenarios.empty_hint': 'The catalogue has payment, shipping and more, ready to bind to a template.', 'scenarios.on_time': 'On time (7 days)', 'scenarios.variants': '{n} variants', 'scenarios.none_counted': 'nothing sent yet', 'scenarios.unbound': 'not bound' },
});

/** 98.5 % with a tone. */
export function OnTime({ counts }) {
  if (!counts || counts.share === null) return html`<span class="faint">${t('scenarios.none_counted')}</span>`;
  const tone = counts.share >= 0.99 ? 'good' : counts.share >= 0.9 ? 'warn' : 'bad';
  return html`<${Badge} tone=${tone}>${number(Math.round(counts.share * 1000) / 10)} %<//>`;
}

function List({ appid }) {
  const me = useMe();
  const list = useData((signal) => api.get('/api/v1/scenarios', { appid }, signal), [appid]);
  const punctual = useData((signal) => api.get('/api/v1/stats/on_time', { appid, by: 'scenario' }, signal), [appid]);
  const templates = useTemplates(appid);
  const counts = (name) => punctual.data?.rows.find((row) => row.key === name);
  const columns = [
    { key: 'title', label: t('word.scenario'), cell: (row) => html`<span><${Link} href=${url(`/scenarios/${row.name}`, { appid })}><strong>${row.title}</strong><//><br /><code class="faint">${row.name}</code></span>` },
    { key: 'category', label: t('word.category'), cell: (row) => t(`category.${row.category}`) },
    { key: 'template', label: t('word.template'), cell: (row) => templates[row.template_id]?.title || row.template_id || t('scenarios.unbound') },
    { key: 'lane', label: t('word.lane'), cell: (row) => html`<span>${t(`lane.${row.lane}`)} ${row.variants?.length > 0 && html`<${Badge} tone="info">${t('scenarios.variants', { n: row.variants.length })}<//>`}</span>` },
    { key: 'on_time', label: t('scenarios.on_time'), cell: (row) => html`<${Link} href=${url(`/scenarios/${row.name}`, { appid })}><${OnTime} counts=${counts(row.name)} /><//>` },
  ];
  const empty = html`<${Empty} title=${t('scenarios.empty')}><p>${t('scenarios.empty_hint')}</p>${may(me, 'admin') && html`<${Link} class="button primary" href=${url('/scenarios/new/catalogue', { appid })}>${t('scenarios.add')}<//>`}<//>`;
  return html`<${Trouble} problem=${list.problem || punctual.problem} again=${list.again} />${!list.data && !list.problem && html`<${Loading} />`}
    ${list.data && html`<${Table} columns=${columns} rows=${list.data.scenarios} id=${(row) => row.name} empty=${empty} label=${t('scenarios.title')} />`}`;
}

export default function Scenarios() {
  const me = useMe();
  const acts = ({ appid }) => may(me, 'admin') && html`<${Link} class="button primary" href=${url('/scenarios/new/catalogue', { appid })}>${t('scenarios.add')}<//>`;
  return html`<${AccountPage} title=${t('scenarios.title')} note=${t('scenarios.note')} acts=${acts}>${({ appid }) => html`<${List} key=${appid} appid=${appid} />`}<//>`;
}
