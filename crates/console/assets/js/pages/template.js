// One template: filled and seen on the phone, tested, its fields with what WeChat granted, who uses it, every text it had.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { said, t, words } from '../i18n.js';
import { number } from '../format.js';
import { forget } from '../known.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, go } from '../router.js';
import { Badge, Card, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { Fill } from '../ui/fill.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';
import { fits, kindName, samples } from '../ui/kinds.js';
import { AccountPage } from '../ui/place.js';
import { Table } from '../ui/table.js';
import { toast } from '../ui/toast.js';
import { Industry, UsedBy, recent, remove } from './templates/library.js';
import { Change } from './templates/notices.js';

words({
  zh: {
    'template.test': '试填与发送测试', 'template.test_note': '右边是手机上看到的样子，随填写变化。填上 openid 可以发给自己看。', 'template.view_note': '右边是手机上看到的样子，随填写变化。发送测试需要运营角色。', 'template.fields': '字段', 'template.field': '字段名', 'template.label': '标签', 'template.kind': '类型', 'template.fits': '可以填', 'template.relax': '微信放宽了字数？', 'template.relax_note': '微信为这个模板单独放宽过的字段，填写放宽后的字数；留空表示按类型的一般限制。', 'template.relaxed': '已保存，立即按新字数检查',
    'template.about': '使用情况', 'template.removed': '这个模板已不在公众号里，{at} 同步时发现。用它的消息会被微信拒绝。', 'template.versions': '历史版本', 'template.now': '当前', 'template.notices': '微信侧变更', 'template.bind': '用它新建场景', 'template.same': '没有变更记录。',
  },
  en: {
    'template.test': 'Fill it and send a test', 'template.test_note': 'The phone follows what you type. With an openid it is sent, to yourself best.', 'template.view_note': 'The phone follows what you type. Sending a test takes the role operator.', 'template.fields': 'Fields', 'template.field': 'Field', 'template.label': 'Label', 'template.kind': 'Type', 'template.fits': 'May hold', 'template.relax': 'Did WeChat grant more?', 'template.relax_note': 'Where WeChat granted this template longer values, enter how many characters; empty: what its type has.', 'template.relaxed': 'Saved: values are checked against it from now on',
    'template.about': 'Use', 'template.removed': 'The account does not have it any more: a sync found it gone at {at}. WeChat refuses messages with it.', 'template.versions': 'Versions', 'template.now': 'in force', 'template.notices': 'Changed at WeChat', 'template.bind': 'New scenario with it', 'template.same': 'Nothing is noted.',
  },
});

const NOTICES = 100;

function Fields({ template }) {
  const columns = [
    { key: 'label', label: t('template.label'), cell: (row) => row.label || '–' },
    { key: 'name', label: t('template.field'), cell: (row) => html`<${Id} value=${row.name} />` },
    { key: 'kind', label: t('template.kind'), cell: (row) => kindName(row.kind) },
    { key: 'fits', label: t('template.fits'), cell: (row) => (row.limit ? html`<${Badge} tone="info">${fits(row)}<//>` : fits(row)) },
  ];
  return html`<${Table} columns=${columns} rows=${template.fields} id=${(row) => row.name} label=${t('template.fields')} />`;
}

function Relax({ appid, template, again }) {
  const limits = Object.fromEntries(template.fields.map(({ name, limit }) => [`relax.${name}`, limit ? String(limit) : '']));
  const form = useForm(limits, async (values) => {
    const changed = Object.entries(values).filter(([key, value]) => value !== limits[key]);
    const relax = Object.fromEntries(changed.map(([key, value]) => [key.slice('relax.'.length), value === '' ? null : Number(value)]));
    await api.patch(`/api/v1/accounts/${appid}/templates/${template.template_id}`, { relax });
    forget();
    toast(t('template.relaxed'), 'good');
    again();
  });
  return html`<details data-part="relax"><summary>${t('template.relax')}</summary><form class="inset" onSubmit=${form.onSubmit}><p class="note">${t('template.relax_note')}</p><${FormTrouble} form=${form} fields=${Object.keys(limits)} />
    ${template.fields.map(({ name, label, kind }) => html`<${Field} key=${name} form=${form} name=${`relax.${name}`} type="number" min="1" label=${label ? `${label} (${name})` : name} hint=${fits({ kind })} />`)}
    <button class="button" disabled=${form.busy}>${t('act.save')}</button></form></details>`;
}

function About({ appid, template, using }) {
  return html`<${Card} title=${t('template.about')} data-part="about"><dl class="facts"><div><dt>${t('library.industry')}</dt><dd><${Industry} template=${template} /></dd></div>
    <div><dt>${t('library.messages')}</dt><dd><${Link} href=${recent(appid, template.template_id)}>${number(template.messages_30_days)}<//></dd></div>
    <div><dt>${t('library.scenarios')}</dt><dd><${UsedBy} appid=${appid} scenarios=${using} /></dd></div></dl>
    <div><${Link} class="button" href=${url('/scenarios/new/catalogue', { appid, template_id: template.template_id })}>${t('template.bind')}<//></div><//>`;
}

function Notices({ appid, id }) {
  const { data, problem } = useData((signal) => api.get(`/api/v1/accounts/${appid}/templates/notices`, { limit: NOTICES }, signal), [appid]);
  const mine = (data?.notices || []).filter((notice) => notice.template_id === id);
  return html`<${Card} title=${t('template.notices')}><${Trouble} problem=${problem} />${mine.length ? html`<ul class="stack">${mine.map((notice) => html`<li key=${notice.id} class="apart"><${Change} notice=${notice} /><${Time} at=${notice.at} /></li>`)}</ul>` : html`<p class="faint">${t('template.same')}</p>`}<//>`;
}

function Versions({ versions, current }) {
  const newest = [...versions].reverse();
  return html`<${Card} title=${t('template.versions')} data-part="versions"><ul class="stack">${newest.map((one, at) => html`<li key=${one.version}><details open=${at === 0}><summary>${t('library.version_n', { n: one.version })} · <${Time} at=${one.since} /> ${at === 0 && current && html`<${Badge} tone="good">${t('template.now')}<//>`}</summary>
    <pre class="code-box" tabindex="0">${`${one.title}\n${one.content}`}</pre></details></li>`)}</ul><//>`;
}

function One({ account, id }) {
  const me = useMe();
  const { appid } = account;
  const path = `/api/v1/accounts/${appid}/templates/${encodeURIComponent(id)}`;
  const { data, problem, again } = useData((signal) => api.get(path, {}, signal), [path]);
  const scenarios = useData((signal) => api.get('/api/v1/scenarios', { appid }, signal), [appid]);
  if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  const { template, versions } = data;
  const using = (scenarios.data?.scenarios || []).filter((one) => one.template_id === id);
  const title = template?.title || versions.at(-1)?.title;
  const drop = async () => {
    if (await remove(appid, template, using)) go(url('/templates', { appid }));
  };
  const [before, after] = t('template.removed').split('{at}');
  return html`<div class="apart"><h2 class="sub">${title} ${template?.shows_title_only && html`<${Badge} tone="warn">${t('library.title_only')}<//>`}</h2>${template && may(me, 'admin') && html`<button type="button" class="button danger" onClick=${drop}>${t('act.delete')}</button>`}</div>
    ${data.account && html`<p class="warn-text">${said(data.account.found)} ${said(data.account.mend)}</p>`}
    ${!template && html`<p class="warn-text">${before}<${Time} at=${data.removed_at} />${after}</p>`}
    ${template && html`<${Card} title=${t('template.test')} data-part="test"><p class="note">${t(may(me, 'operator') ? 'template.test_note' : 'template.view_note')}</p><${Fill} key=${JSON.stringify(template.fields)} appid=${appid} account=${account} template=${template} values=${samples(template)} /><//>
    <${Card} title=${t('template.fields')} data-part="fields"><${Fields} template=${template} />${may(me, 'admin') && html`<${Relax} key=${JSON.stringify(template.fields)} appid=${appid} template=${template} again=${again} />`}<//>`}
    <div class="columns"><div class="stack">${template && html`<${About} appid=${appid} template=${template} using=${using} />`}<${Notices} appid=${appid} id=${id} /></div><${Versions} versions=${versions} current=${Boolean(template)} /></div>`;
}

export default function Template({ id }) {
  const acts = ({ appid }) => html`<${Link} class="button" href=${url('/templates', { appid })}>${t('act.back')}<//>`;
  return html`<${AccountPage} title=${t('word.template')} note=${html`<${Id} value=${id} />`} acts=${acts}>${(account) => html`<${One} key=${`${account.appid}.${id}`} account=${account} id=${id} />`}<//>`;
}
