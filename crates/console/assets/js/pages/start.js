// From nothing to the first message: the simulator or an account, its checklist, a test.
import { html, useState } from '../lib.js';
import { api } from '../api.js';
import { said, t, words } from '../i18n.js';
import { useData, useLive } from '../live.js';
import { ago } from '../format.js';
import { Link, go, useQuery } from '../router.js';
import { may, useMe } from '../me.js';
import { forget, useAccounts, useTemplates } from '../known.js';
import { Badge, Card, Command, Empty, Head, Id, Loading, Trouble } from '../ui/basic.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';
import { Fill } from '../ui/fill.js';
import { toast } from '../ui/toast.js';
import { WeChat, useBase } from '../ui/wechat.js';

words({
  zh: {
    'start.title': '接入', 'start.note': '两条路：先用模拟器试，或直接接入公众号。', 'start.simulator': '用模拟器试一试', 'start.simulator_note': '模拟器是在本机运行的“微信”：不需要公众号，也不会给真人发消息。',
    'start.simulator_demo': '最快的办法：一条命令跑完整个流程', 'start.simulator_put': '在模拟器里建一个公众号、一个模板和几个关注者（最后一行返回他们的 openid），再把它接入', 'start.fill': '填入接入表单',
    'start.connect': '接入公众号', 'start.connect_note': '微信后台“设置与开发 → 基本配置”里有这些内容。', 'start.appid': 'AppID', 'start.secret': 'AppSecret', 'start.name': '名称', 'start.kind': '类型', 'start.service': '服务号', 'start.subscription': '订阅号', 'start.test': '测试号',
    'start.token': '回调 Token', 'start.token_hint': '3 到 32 个字母和数字，与微信后台一致；没有回调就收不到送达回执', 'start.aes_key': 'EncodingAESKey', 'start.aes_hint': '43 个字符；消息加解密方式请选安全模式', 'start.put': '接入',
    'start.put_done': '已接入，正在检查', 'start.checklist': '检查清单', 'start.again': '重新检查', 'start.which': '公众号', 'start.other': '接入另一个公众号', 'start.callback': '回调地址', 'start.callback_hint': '填到微信后台“服务器配置”的 URL',
    'start.receipt': '首个回执', 'start.receipt_ok': '收到消息的回执：{ago}', 'start.receipt_called': '微信已回调（{ago}），但还没有消息的回执：发送一条测试消息后会到', 'start.receipt_wait': '还没有收到回执：发送一条测试消息后会到', 'start.mend': '解决办法', 'start.sync': '同步模板', 'start.synced': '模板已同步',
    'start.send': '发一条测试消息', 'start.send_note': '发给你自己：在公众号后台或“获取用户列表”里能查到自己的 openid。', 'start.template': '模板', 'start.no_templates': '这个公众号还没有模板',
    'start.admin_only': '接入公众号需要管理员角色。', 'start.status_ok': '正常', 'start.status_warning': '注意', 'start.status_failed': '未通过', 'start.status_skipped': '未检查',
  },
  en: {
    'start.title': 'Get started', 'start.note': 'Two ways in: try the simulator, or connect an account of your own.', 'start.simulator': 'Try the simulator', 'start.simulator_note': 'A WeChat that runs on this machine: it needs no account and writes to nobody.',
    'start.simulator_demo': 'The quickest way: one command that goes all the way', 'start.simulator_put': 'Make an account, a template and some followers in it (the last line tells their openids), and connect it', 'start.fill': 'Fill the form with it',
    'start.connect': 'Connect an account', 'start.connect_note': 'WeChat’s console has all of this under 设置与开发 → 基本配置.', 'start.appid': 'AppID', 'start.secret': 'AppSecret', 'start.name': 'Name', 'start.kind': 'Kind', 'start.service': 'service', 'start.subscription': 'subscription', 'start.test': 'test',
    'start.token': 'Callback Token', 'start.token_hint': '3 to 32 letters and digits, as in WeChat’s console; without a callback no receipts come', 'start.aes_key': 'EncodingAESKey', 'start.aes_hint': '43 characters; choose safe mode (安全模式)', 'start.put': 'Connect',
    'start.put_done': 'Connected; checking it', 'start.checklist': 'Checklist', 'start.again': 'Check again', 'start.which': 'Account', 'start.other': 'Connect another account', 'start.callback': 'Callback URL', 'start.callback_hint': 'Enter it as the URL under 服务器配置 in WeChat’s console',
    'start.receipt': 'first receipt', 'start.receipt_ok': 'a message had its receipt {ago}', 'start.receipt_called': 'WeChat called {ago}, but for no message yet: a receipt follows a test message', 'start.receipt_wait': 'none yet: it follows a test message', 'start.mend': 'What to do', 'start.sync': 'Sync templates', 'start.synced': 'Templates are synced',
    'start.send': 'Send a test message', 'start.send_note': 'To yourself: WeChat’s console and its list of users show your openid.', 'start.template': 'Template', 'start.no_templates': 'This account has no templates yet',
    'start.admin_only': 'Connecting an account takes the role admin.', 'start.status_ok': 'fine', 'start.status_warning': 'look', 'start.status_failed': 'failed', 'start.status_skipped': 'not checked',
  },
});

const BLANK = { appid: '', secret: '', name: '', kind: 'service', token: '', aes_key: '' };
const TONES = { ok: 'good', warning: 'warn', failed: 'bad', skipped: 'calm' };

/** An account that is the simulator's alone. */
const SAMPLE = { appid: 'wxdemo0000000001', secret: 'demosecret', name: '', kind: 'service', token: 'demotoken', aes_key: `${'0'.repeat(42)}A` };

function Simulator({ fill }) {
  const me = useMe();
  const { name, ...account } = SAMPLE;
  const base = useBase();
  const at = base && !base.real ? base.addresses[0] : '127.0.0.1:9090';
  const put = (path, body) => `curl -s ${at}/_sim/${path} -d '${JSON.stringify(body)}'`;
  const commands = [
    put('accounts', { ...account, callback_url: `${location.origin}/callback/${account.appid}` }),
    put('templates', { appid: account.appid, title: '订单支付成功', content: '商品：{{thing1.DATA}}\n时间：{{time2.DATA}}' }),
    put('followers', { appid: account.appid, count: 3 }),
  ];
  return html`<${Card} title=${t('start.simulator')} data-part="simulator"><p class="note">${t('start.simulator_note')}</p>
    <p>${t('start.simulator_demo')}</p><${Command}>hongyan demo<//><${WeChat} toSimulator />
    <p>${t('start.simulator_put')}</p><${Command}>${commands.join('\n')}<//>
    ${may(me, 'admin') && html`<div><button type="button" class="button" onClick=${() => fill(SAMPLE)}>${t('start.fill')}</button></div>`}<//>`;
}

function Connect({ values }) {
  const me = useMe();
  const form = useForm(values, async ({ token, aes_key, name, ...values }) => {
    const callback = token ? { callback: { token, ...(aes_key && { aes_key }) } } : {};
    const { appid } = await api.post('/api/v1/accounts', { ...values, appid: values.appid.trim(), secret: values.secret.trim(), ...(name && { name }), ...callback });
    await api.post(`/api/v1/accounts/${appid}/templates/sync`, {}).catch(() => {});
    forget();
    toast(t('start.put_done'), 'good');
    go(`/start?appid=${appid}`);
  });
  if (!may(me, 'admin')) return html`<${Card} title=${t('start.connect')}><p>${t('start.admin_only')}</p><//>`;
  const shown = ['appid', 'secret', 'name', 'kind', 'callback.token', 'callback.aes_key'];
  return html`<${Card} title=${t('start.connect')} data-part="connect"><p class="note">${t('start.connect_note')}</p>
    <form onSubmit=${form.onSubmit}><${FormTrouble} form=${form} fields=${shown} />
    <${Field} form=${form} name="appid" label=${t('start.appid')} autocomplete="off" required />
    <${Field} form=${form} name="secret" label=${t('start.secret')} type="password" autocomplete="off" required />
    <${Field} form=${form} name="name" label=${t('start.name')} />
    <${Field} form=${form} name="kind" label=${t('start.kind')} options=${['service', 'subscription', 'test'].map((kind) => [kind, t(`start.${kind}`)])} />
    <${Field} form=${form} name="token" at="callback.token" label=${t('start.token')} hint=${t('start.token_hint')} autocomplete="off" />
    <${Field} form=${form} name="aes_key" at="callback.aes_key" label=${t('start.aes_key')} hint=${t('start.aes_hint')} autocomplete="off" />
    <div class="form-acts"><button class="button primary" disabled=${form.busy}>${t('start.put')}</button></div></form><//>`;
}

function Check({ check, children }) {
  return html`<li class="check-row" data-check=${check.name}><${Badge} tone=${TONES[check.status]}>${t(`start.status_${check.status}`)}<//>
    <div><p><strong>${t(`check.${check.name}`)}</strong> ${said(check.found)}</p>
    ${check.mend && html`<p class="hint">${t('start.mend')}: ${said(check.mend)}</p>`}${check.ip && html`<${Id} value=${check.ip} />`}${children}</div></li>`;
}

/** Causes that only a receipt gives, besides a delivery. */
const BY_RECEIPT = [{ state: 'delivered' }, { cause: 'user_blocked' }, { cause: 'system_failed' }, { cause: 'receipt_other' }];
const WAITING_MS = 5000;

/** The newest message of the account that a receipt closed. */
async function receipted(appid, signal) {
  const pages = await Promise.all(BY_RECEIPT.map((how) => api.get('/api/v1/messages', { appid, ...how, limit: 1 }, signal)));
  return { message: pages.flatMap(({ messages }) => messages).find(({ settled_at: at }) => at) || null };
}

/** A receipt is the one check that only time brings. WeChat calls for much else: a call alone proves no receipt. */
function Receipt({ appid }) {
  const { snapshot } = useLive();
  const called = snapshot?.accounts.find((account) => account.appid === appid)?.last_callback_at;
  const { data } = useData((signal) => receipted(appid, signal), [appid], (data) => (data?.message ? 0 : WAITING_MS));
  const message = data?.message;
  const word = message ? t('start.receipt_ok', { ago: ago(message.settled_at, snapshot?.at) }) : called ? t('start.receipt_called', { ago: ago(called, snapshot.at) }) : t('start.receipt_wait');
  return html`<li class="check-row" data-check="receipt"><${Badge} tone=${message ? 'good' : 'calm'}>${t(`start.status_${message ? 'ok' : 'skipped'}`)}<//><p><strong>${t('start.receipt')}</strong> ${message ? html`<${Link} href=${`/messages/${message.id}`}>${word}<//>` : word}</p></li>`;
}

/** The doctor's checks with their mends, and what to enter in WeChat's console. */
export function Checklist({ appid }) {
  const me = useMe();
  const { data, problem, loading, again } = useData(() => api.post(`/api/v1/accounts/${appid}/check`, {}), [appid]);
  const sync = async () => {
    try {
      await api.post(`/api/v1/accounts/${appid}/templates/sync`, {});
      forget();
      toast(t('start.synced'), 'good');
      again();
    } catch (problem) {
      toast(problem.message, 'bad');
    }
  };
  const callback = `${me.public_url || location.origin}/callback/${appid}`;
  const aside = html`<button type="button" class="button small" disabled=${loading} onClick=${again}>${t('start.again')}</button>`;
  return html`<${Card} title=${t('start.checklist')} aside=${aside}><${Trouble} problem=${problem} />${!data && !problem && html`<${Loading} />`}
    ${data && html`<ul class="checks">${data.checks.map((check) => html`<${Check} key=${check.name} check=${check}>
      ${check.name === 'callback' && html`<p class="hint">${t('start.callback')}: <${Id} value=${callback} /> ${t('start.callback_hint')}</p>`}
      ${check.name === 'templates' && check.status !== 'ok' && may(me, 'admin') && html`<button type="button" class="button small" onClick=${sync}>${t('start.sync')}</button>`}<//>`)}
      <${Receipt} appid=${appid} /></ul>`}<//>`;
}

function Test({ appid, account }) {
  const me = useMe();
  const templates = Object.values(useTemplates(appid));
  const [chosen, choose] = useState('');
  const template = templates.find(({ template_id: id }) => id === chosen) || templates[0];
  if (!may(me, 'operator')) return null;
  if (!template) return html`<${Card} title=${t('start.send')}><${Empty} title=${t('start.no_templates')} /><//>`;
  const choice = templates.length > 1 && html`<label class="filter narrow"><span>${t('start.template')}</span><select name="template_id" value=${template.template_id} onChange=${(event) => choose(event.target.value)}>
    ${templates.map(({ template_id: id, title }) => html`<option key=${id} value=${id} selected=${id === template.template_id}>${title}</option>`)}</select></label>`;
  return html`<${Card} title=${t('start.send')}><p class="note">${t('start.send_note')}</p>${choice}<${Fill} key=${template.template_id} appid=${appid} account=${account} template=${template} /><//>`;
}

export default function Start() {
  const [query, set] = useQuery();
  const accounts = useAccounts();
  const [values, fill] = useState(BLANK);
  const appid = query.appid === 'new' ? '' : query.appid || accounts[0]?.appid;
  // The list may be older than the account that was connected a moment ago.
  const account = accounts.find((account) => account.appid === appid) || { appid, name: appid };
  const choose = (event) => set({ appid: event.target.value });
  const choice = accounts.length > 0 && html`<label class="filter"><span>${t('start.which')}</span><select name="appid" value=${appid || 'new'} onChange=${choose}>
    ${accounts.map(({ appid: value, name }) => html`<option key=${value} value=${value} selected=${value === appid}>${name}</option>`)}<option value="new" selected=${!appid}>${t('start.other')}</option></select></label>`;
  return html`<${Head} title=${t('start.title')} note=${t('start.note')}>${choice}<//>
    ${appid ? html`<${Checklist} key=${appid} appid=${appid} /><${Test} key=${`test-${appid}`} appid=${appid} account=${account} />` : html`<div class="columns"><${Simulator} fill=${fill} /><${Connect} key=${values.appid} values=${values} /></div>`}`;
}
