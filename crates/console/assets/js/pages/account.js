// One account: how it stands, the doctor's checklist, its quota and industries, its settings.
import { html } from '../lib.js';
import { asTime } from '../clock.js';
import { api, url } from '../api.js';
import { said, lang, t, words } from '../i18n.js';
import { number } from '../format.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Link, go } from '../router.js';
import { forget, useIndustries } from '../known.js';
import { Badge, Card, Head, Id, Loading, Time, Trouble } from '../ui/basic.js';
import { act } from '../ui/act.js';
import { ask } from '../ui/confirm.js';
import { Check, Field, FormTrouble, useForm } from '../ui/form.js';
import { toast } from '../ui/toast.js';
import { Standing } from './accounts.js';
import { Checklist } from './start.js';

words({
  zh: {
    'account.now': '现在', 'account.rules': '规则', 'account.pause': '暂停发送', 'account.pause_note': '消息照常受理并排队，恢复后继续发送。', 'account.until': '到何时（留空：直到人工恢复）', 'account.paused': '已暂停', 'account.resume': '恢复发送', 'account.resumed': '已恢复', 'account.why': '原因',
    'account.pending': '等待发送', 'account.sent_today': '今日已发', 'account.token_valid': '有效', 'account.token_expired': '已过期', 'account.token_none': '没有', 'account.in_flight': '投递中', 'account.right': '模板消息', 'account.quota': '今日额度（微信）', 'account.quota_used': '已用', 'account.quota_left': '剩余', 'account.quota_all': '每日上限',
    'account.quota_clear': '清零调用次数', 'account.quota_ask': '请微信清零调用次数？', 'account.quota_text': '每月最多 10 次，对该公众号的全部接口生效。', 'account.quota_done': '已清零', 'account.industry': '行业', 'account.primary': '主营行业', 'account.secondary': '副营行业', 'account.industry_note': '每月只能改一次；改掉的行业下的模板会被微信删除。',
    'account.industry_done': '行业已更新，请同步模板', 'account.industry_ask': '修改行业？', 'account.allowed': '最早可改', 'account.force': '本月已改过，仍向微信提交', 'account.settings': '设置', 'account.secret_hint': '留空则不变', 'account.verified': '已认证', 'account.token_source': '令牌来源',
    'account.source_stable': '稳定版接口', 'account.source_classic': '普通接口', 'account.source_outside': '外部令牌中心', 'account.token_url': '令牌中心地址', 'account.base': '持续速率（条/秒，0 为不限）', 'account.peak': '瞬时上限（条/秒）', 'account.daily': '每日上限（条）', 'account.limits_hint': '三项都留空：用该类型的默认值', 'account.proxy': 'HTTP 代理',
    'account.proxy_set': '已设置；留空则不变', 'account.no_proxy': '不再使用代理', 'account.saved': '已保存，立即生效', 'account.delete_ask': '删除公众号 {name}？', 'account.delete_text': '它的消息、模板、令牌和密钥都会删除，不能恢复。', 'account.deleted': '已删除', 'account.callback_set': '已设置；留空则不变', 'account.unchanged': '没有这个公众号的行业信息',
  },
  en: {
    'account.now': 'Now', 'account.rules': 'Rules', 'account.pause': 'Pause sending', 'account.pause_note': 'Messages are accepted and wait; they go when it is resumed.', 'account.until': 'Until (empty: until somebody resumes it)', 'account.paused': 'Paused', 'account.resume': 'Resume', 'account.resumed': 'Resumed', 'account.why': 'Reason',
    'account.pending': 'Waiting', 'account.sent_today': 'Sent today', 'account.token_valid': 'valid', 'account.token_expired': 'expired', 'account.token_none': 'none', 'account.in_flight': 'In flight', 'account.right': 'Template messages', 'account.quota': 'Quota today (WeChat)', 'account.quota_used': 'used', 'account.quota_left': 'left', 'account.quota_all': 'a day',
    'account.quota_clear': 'Clear the counts', 'account.quota_ask': 'Have WeChat clear the counts?', 'account.quota_text': 'WeChat allows it 10 times a month; it holds for all calls of the account.', 'account.quota_done': 'Cleared', 'account.industry': 'Industries', 'account.primary': 'Primary', 'account.secondary': 'Secondary', 'account.industry_note': 'One change a month; WeChat deletes the templates of an industry that is left.',
    'account.industry_done': 'The industries are set: sync the templates', 'account.industry_ask': 'Change the industries?', 'account.allowed': 'Next change from', 'account.force': 'Ask WeChat although the month is not over', 'account.settings': 'Settings', 'account.secret_hint': 'Empty: it stays', 'account.verified': 'Verified', 'account.token_source': 'Token from',
    'account.source_stable': 'stable endpoint', 'account.source_classic': 'classic endpoint', 'account.source_outside': 'a token centre', 'account.token_url': 'Address of the token centre', 'account.base': 'Sustained rate (a second; 0: none)', 'account.peak': 'Peak (a second)', 'account.daily': 'Sends a day', 'account.limits_hint': 'All three empty: what its kind has', 'account.proxy': 'HTTP proxy',
    'account.proxy_set': 'Set; empty: it stays', 'account.no_proxy': 'Use no proxy any more', 'account.saved': 'Saved and in force', 'account.delete_ask': 'Delete the account {name}?', 'account.delete_text': 'Its messages, templates, token and keys go with it, for good.', 'account.deleted': 'Deleted', 'account.callback_set': 'Set; empty: it stays', 'account.unchanged': 'WeChat tells no industries of it',
  },
});

const LIVE_MS = 3000;

function Now({ account, again }) {
  const me = useMe();
  const { live, counts } = account;
  const form = useForm({ reason: '', until: '' }, async ({ reason, until }) => {
    await api.post(`/api/v1/accounts/${account.appid}/pause`, { ...(reason.trim() && { reason: reason.trim() }), until: asTime(until) });
    toast(t('account.paused'), 'good');
    again();
  });
  const resume = async () => {
    await act(() => api.post(`/api/v1/accounts/${account.appid}/resume`, {}), t('account.resumed'));
    again();
  };
  const held = live.pause || live.token.trouble;
  const figures = [
    [t('account.pending'), number(counts?.pending), `/messages?appid=${account.appid}&state=pending`],
    [t('account.in_flight'), number(live.in_flight), `/messages?appid=${account.appid}&state=claimed`],
    [t('account.sent_today'), number(counts?.sent_today), `/messages?appid=${account.appid}`],
  ];
  return html`<${Card} title=${t('account.now')} aside=${html`<${Standing} live=${live} />`}>
    <div class="figures">${figures.map(([label, value, href]) => html`<${Link} key=${label} class="figure" href=${href}><span class="figure-value">${value}</span><span class="figure-label">${label}</span><//>`)}</div>
    ${held && html`<div class="warn-text">${live.pause?.reason && html`<p>${live.pause.reason}</p>`}${live.pause?.until && html`<p>${t('word.until')} <${Time} at=${live.pause.until} /></p>`}
      ${live.token.trouble && html`<p>${live.token.trouble.detail}</p>`}<p>${said(held.advice)}</p>${held.ip && html`<${Id} value=${held.ip} />`}</div>`}
    <dl class="facts"><div><dt>${t('word.token')}</dt><dd>${t(`account.token_${live.token.state}`)} ${live.token.expires_at && html`<span class="faint">${t('word.until')} <${Time} at=${live.token.expires_at} /></span>`}</dd></div>
      <div><dt>${t('account.right')}</dt><dd>${said(account.template_messages.found)} ${said(account.template_messages.mend)}</dd></div></dl>
    ${may(me, 'operator') && (live.pause ? html`<button type="button" class="button primary" onClick=${resume}>${t('account.resume')}</button>` : html`<details><summary>${t('account.pause')}</summary><form class="inset" onSubmit=${form.onSubmit}>
      <p class="note">${t('account.pause_note')}</p><${FormTrouble} form=${form} fields=${['reason', 'until']} />
      <${Field} form=${form} name="reason" label=${t('account.why')} /><${Field} form=${form} name="until" type="datetime-local" label=${t('account.until')} />
      <button class="button danger" disabled=${form.busy}>${t('account.pause')}</button></form></details>`)}<//>`;
}

function Quota({ appid }) {
  const me = useMe();
  const { data, problem, again } = useData((signal) => api.get(`/api/v1/accounts/${appid}/quota`, {}, signal), [appid]);
  const clear = async () => {
    if (!(await ask({ title: t('account.quota_ask'), text: t('account.quota_text'), yes: t('account.quota_clear'), danger: true }))) return;
    await act(() => api.post(`/api/v1/accounts/${appid}/quota/clear`, {}), t('account.quota_done'));
    again();
  };
  return html`<${Card} title=${t('account.quota')} data-part="quota"><${Trouble} problem=${problem} again=${again} />${!data && !problem && html`<${Loading} />`}
    ${data && html`<meter min="0" max=${data.daily_limit} value=${data.used} high=${data.daily_limit * 0.9} aria-label=${t('account.quota')} />
    <dl class="facts"><div><dt>${t('account.quota_used')}</dt><dd>${number(data.used)}</dd></div><div><dt>${t('account.quota_left')}</dt><dd>${number(data.remain)}</dd></div>
    <div><dt>${t('account.quota_all')}</dt><dd>${number(data.daily_limit)}</dd></div><div><dt>${t('account.sent_today')}</dt><dd>${number(data.sent_today)}</dd></div></dl>
    ${may(me, 'admin') && html`<div><button type="button" class="button" onClick=${clear}>${t('account.quota_clear')}</button></div>`}`}<//>`;
}

function Industries({ appid }) {
  const me = useMe();
  const now = useData((signal) => api.get(`/api/v1/accounts/${appid}/industry`, {}, signal), [appid]);
  const table = useData((signal) => api.get('/api/v1/industries', {}, signal), []);
  const named = useIndustries();
  const shown = (one) => named(one?.first_class, one?.second_class, one?.code) || t('account.unchanged');
  const ready = now.data && table.data;
  return html`<${Card} title=${t('account.industry')}><${Trouble} problem=${now.problem || table.problem} again=${now.again} />${!ready && !now.problem && html`<${Loading} />`}
    ${now.data && html`<dl class="facts"><div><dt>${t('account.primary')}</dt><dd>${shown(now.data.primary)}</dd></div><div><dt>${t('account.secondary')}</dt><dd>${shown(now.data.secondary)}</dd></div>
    ${now.data.allowed_at && html`<div><dt>${t('account.allowed')}</dt><dd><${Time} at=${now.data.allowed_at} /></dd></div>`}</dl>`}
    ${ready && may(me, 'admin') && html`<${IndustryForm} appid=${appid} now=${now.data} industries=${table.data.industries} again=${now.again} />`}<//>`;
}

function IndustryForm({ appid, now, industries, again }) {
  const options = industries.map((one) => [String(one.code), lang() === 'zh' ? `${one.primary_zh} / ${one.secondary_zh}` : `${one.primary_en} / ${one.secondary_en}`]);
  const form = useForm({ primary: String(now.primary.code ?? 1), secondary: String(now.secondary.code ?? 2), force: false }, async ({ primary, secondary, force }) => {
    if (!(await ask({ title: t('account.industry_ask'), text: t('account.industry_note'), yes: t('act.save'), danger: true }))) return;
    await api.put(`/api/v1/accounts/${appid}/industry`, { primary: Number(primary), secondary: Number(secondary), force });
    toast(t('account.industry_done'), 'good');
    again();
  });
  return html`<details><summary>${t('act.edit')}</summary><form class="inset" onSubmit=${form.onSubmit}><p class="note">${t('account.industry_note')}</p><${FormTrouble} form=${form} fields=${['primary', 'secondary']} />
    <${Field} form=${form} name="primary" label=${t('account.primary')} options=${options} /><${Field} form=${form} name="secondary" label=${t('account.secondary')} options=${options} />
    ${(now.allowed_at || form.problem?.code === 'too_soon') && html`<${Check} form=${form} name="force" label=${t('account.force')} />`}
    <button class="button" disabled=${form.busy}>${t('act.save')}</button></form></details>`;
}

/** Only what was changed is sent; what is empty stays. */
function change(values, account) {
  const { base, peak, daily } = values;
  const own = [base, peak, daily].some((value) => value !== '');
  const limit = (value, now) => (value === '' ? now : Number(value));
  return {
    name: values.name, kind: values.kind, verified: values.verified,
    limits: own ? { base_per_s: limit(base, account.limits.base_per_s), peak_per_s: limit(peak, account.limits.peak_per_s), daily: limit(daily, account.limits.daily) } : null,
    ...(values.secret && { secret: values.secret.trim() }),
    ...((values.token || values.aes_key) && { callback: { ...(values.token && { token: values.token.trim() }), ...(values.aes_key && { aes_key: values.aes_key.trim() }) } }),
    ...(values.proxy && { proxy: values.proxy.trim() }), ...(values.no_proxy && { proxy: null }),
    ...((values.token_source !== account.token_source || values.token_url) && { token_source: values.token_source, ...(values.token_source === 'outside' && values.token_url && { token_url: values.token_url.trim() }) }),
  };
}

function Settings({ account, again }) {
  const own = account.limits_from === 'own';
  const form = useForm({
    name: account.name, kind: account.kind, verified: account.verified, secret: '', token: '', aes_key: '', proxy: '', no_proxy: false, token_source: account.token_source, token_url: '',
    base: own ? account.limits.base_per_s : '', peak: own ? account.limits.peak_per_s : '', daily: own ? account.limits.daily : '',
  }, async (values) => {
    await api.patch(`/api/v1/accounts/${account.appid}`, change(values, account));
    ['secret', 'token', 'aes_key', 'proxy'].forEach((name) => form.put(name, ''));
    forget();
    toast(t('account.saved'), 'good');
    again();
  });
  const fields = ['name', 'kind', 'secret', 'callback.token', 'callback.aes_key', 'limits.base_per_s', 'limits.peak_per_s', 'limits.daily', 'token_source', 'token_url', 'proxy'];
  const remove = async () => {
    if (!(await ask({ title: t('account.delete_ask', { name: account.name }), text: t('account.delete_text'), yes: t('act.delete'), danger: true }))) return;
    if (!(await act(() => api.delete(`/api/v1/accounts/${account.appid}`, {}), t('account.deleted')))) return;
    forget();
    go('/accounts');
  };
  return html`<details class="card" data-part="settings"><summary><h2>${t('account.settings')}</h2></summary><form class="form-grid" onSubmit=${form.onSubmit}><div><${FormTrouble} form=${form} fields=${fields} /></div>
    <${Field} form=${form} name="name" label=${t('word.name')} required /><${Field} form=${form} name="kind" label=${t('accounts.kind')} options=${['service', 'subscription', 'test'].map((kind) => [kind, t(`accounts.kind_${kind}`)])} />
    <${Field} form=${form} name="secret" label="AppSecret" type="password" hint=${t('account.secret_hint')} autocomplete="off" />
    <div class="field"><span class="label-space" /><${Check} form=${form} name="verified" label=${t('account.verified')} /></div>
    <${Field} form=${form} name="token" at="callback.token" label="Token" hint=${account.callback && t('account.callback_set')} autocomplete="off" />
    <${Field} form=${form} name="aes_key" at="callback.aes_key" label="EncodingAESKey" hint=${account.callback?.aes_key && t('account.callback_set')} autocomplete="off" />
    <${Field} form=${form} name="base" at="limits.base_per_s" type="number" min="0" label=${t('account.base')} placeholder=${account.limits.base_per_s} hint=${t('account.limits_hint')} />
    <${Field} form=${form} name="peak" at="limits.peak_per_s" type="number" min="0" label=${t('account.peak')} placeholder=${account.limits.peak_per_s} />
    <${Field} form=${form} name="daily" at="limits.daily" type="number" min="0" label=${t('account.daily')} placeholder=${account.limits.daily} />
    <${Field} form=${form} name="token_source" label=${t('account.token_source')} options=${['stable', 'classic', 'outside'].map((source) => [source, t(`account.source_${source}`)])} />
    ${form.values.token_source === 'outside' && html`<${Field} form=${form} name="token_url" label=${t('account.token_url')} />`}
    <${Field} form=${form} name="proxy" label=${t('account.proxy')} hint=${account.proxy && t('account.proxy_set')} />
    ${account.proxy && html`<div class="field"><span class="label-space" /><${Check} form=${form} name="no_proxy" label=${t('account.no_proxy')} /></div>`}
    <div class="form-acts apart"><button class="button primary" disabled=${form.busy}>${t('act.save')}</button><button type="button" class="button danger" onClick=${remove}>${t('act.delete')}</button></div></form></details>`;
}

export default function Account({ appid }) {
  const me = useMe();
  const { data: account, problem, again } = useData((signal) => api.get(`/api/v1/accounts/${appid}`, {}, signal), [appid], LIVE_MS);
  if (!account) return problem ? html`<${Head} title=${t('word.account')} /><${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
  return html`<${Head} title=${account.name} note=${html`<span><${Id} value=${account.appid} /> ${t(`accounts.kind_${account.kind}`)} ${!account.verified && html`<${Badge} tone="warn">${t('accounts.unverified')}<//>`}</span>`}><${Link} class="button" href=${url('/compliance/rules', { appid })}>${t('account.rules')}<//><//>
    <div class="columns uneven"><${Checklist} key=${appid} appid=${appid} /><div class="stack"><${Now} account=${account} again=${again} /><${Quota} appid=${appid} /><${Industries} appid=${appid} /></div></div>
    ${may(me, 'admin') && html`<${Settings} key=${account.updated_at} account=${account} again=${again} />`}`;
}
