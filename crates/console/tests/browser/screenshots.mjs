// Pictures of each page for the docs: `./check screenshots` writes them to docs/images. A shop of coffee with eight days behind it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clock, goods, live } from './history.mjs';
import { PUBLIC_URL, until } from './traffic.mjs';
import { visit, world } from './world.mjs';

const PASSWORD = 'correct horse 7';
const OTHER = 'wx00000000000000bb';
const FOLLOWERS = 240;
/** Higher than this a picture shows nothing new. */
const HEIGHT_MAX = 1500;
const NOBODY = 'oNobody_0000000000000000000';
const TEMPLATE = { title: '订单支付成功通知', content: '订单编号：{{character_string1.DATA}}\n商品名称：{{thing2.DATA}}\n支付金额：{{amount3.DATA}}\n支付时间：{{time4.DATA}}' };
const APPOINTMENT = { title: '服务预约提醒', content: '预约项目：{{thing1.DATA}}\n预约时间：{{time2.DATA}}\n门店：{{thing3.DATA}}' };

const folder = process.argv[2] || 'images';
const time = clock();
if (!time.moves) console.log('libfaketime is not here: the charts will have no past');
const here = await world({ template: TEMPLATE, env: { HONGYAN_HTTP__PUBLIC_URL: PUBLIC_URL }, clock: time.env });

async function ask(method, url, body, headers = {}) {
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json', ...headers }, body: method === 'GET' ? undefined : JSON.stringify(body ?? {}) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return { cookie: response.headers.get('set-cookie'), body: text ? JSON.parse(text) : null };
}

const simulator = async (path, body) => (await ask('POST', `${here.wechat}/_sim/${path}`, body)).body;

/** The first admin, and a way to call the API by a key. */
async function begin() {
  const token = new URL(here.setupLink).searchParams.get('token');
  const { body } = await ask('POST', `${here.base}/api/v1/setup`, { token, name: 'admin', password: PASSWORD, key: true });
  return async (method, path, given) => (await ask(method, here.base + path, given, { authorization: `Bearer ${body.key}` })).body;
}

/** Two accounts, their templates and scenarios, and whoever is told things. */
async function open(call) {
  const { appid, secret, token, aes_key } = here.account;
  await simulator('templates', { appid, ...APPOINTMENT });
  await simulator('accounts', { appid: OTHER, secret, kind: 'service' });
  await simulator('templates', { appid: OTHER, ...APPOINTMENT });
  const { openids } = await simulator('followers', { appid, count: FOLLOWERS, user_blocked: 5, unfollowed: 4, blacklisted: 1 });
  const [person] = (await simulator('followers', { appid: OTHER, count: 1 })).openids;
  const limits = { base_per_s: 1000, peak_per_s: 2000, daily: 1000000 };
  await call('POST', '/api/v1/accounts', { appid, secret, name: '咖啡店', kind: 'service', callback: { token, aes_key }, limits });
  await call('POST', '/api/v1/accounts', { appid: OTHER, secret, name: '花店', kind: 'service' });
  for (const one of [appid, OTHER]) await call('POST', `/api/v1/accounts/${one}/templates/sync`);
  const { templates } = await call('GET', `/api/v1/accounts/${appid}/templates`);
  const appointment = templates.find(({ title }) => title === APPOINTMENT.title).template_id;
  for (const [from, template_id] of [['payment_success', here.templateId], ['service_appointment', appointment]]) {
    const { scenario } = await call('POST', `/api/v1/catalogue/${from}/bind`, { appid, template_id });
    await call('PUT', `/api/v1/scenarios/${from}`, { ...scenario, appid }).catch((error) => console.log(error.message));
  }
  await call('POST', '/api/v1/users', { name: 'li.na', password: 'a long password 1', role: 'operator' });
  await call('POST', '/api/v1/keys', { name: 'order-service', scopes: ['send', 'read'] });
  await call('POST', '/api/v1/alerts/channels', { id: 'duty', name: '值班群', kind: 'wecom', url: here.receiver.url });
  const webhook = await call('POST', '/api/v1/webhooks', { name: '订单中心', url: here.receiver.url });
  const keywords = [{ name: '课程名称', type: 'thing' }, { name: '上课时间', type: 'time' }];
  const application = await call('POST', `/api/v1/accounts/${appid}/applications`, { title: '课程变更通知', industry: 17, keywords, sample: { 课程名称: '英语口语', 上课时间: '2026-11-23 15:00' }, purpose: '课程时间或教室变更后，发给报名的学员' });
  const other = (await call('GET', `/api/v1/accounts/${OTHER}/templates`)).templates[0].template_id;
  return { openids, person, appointment, other, webhook: webhook.id, application: application.id };
}

/** The n-th message of the coffee shop: an order, or an appointment; now and then to nobody, or to whom nobody may write. */
const written = (shop) => (n, at) => {
  const number = 20261100 + n;
  const common = { appid: here.account.appid, touser: n % 283 === 82 ? NOBODY : shop.openids[(n * 7) % FOLLOWERS], client_msg_id: `order-${number}-${n % 6 ? 'paid' : 'booked'}`, lane: n % 5 ? 'urgent' : 'normal' };
  const link = { url: `https://shop.example.com/orders/${number}`, track: true };
  const shown = new Date(at.getTime() + 8 * 3600000).toISOString().slice(0, 16).replace('T', ' ');
  if (n % 6 === 0) return { ...common, ...link, template_id: shop.appointment, basis: 'payment', data: { thing1: '手冲课（入门）', time2: shown, thing3: '人民广场店' } };
  if (n % 2) return { ...common, scenario: 'payment_success', params: { order_no: `A${number}`, goods: `${goods(n)}（大杯）`, amount: `${18 + (n % 40)}.00`, paid_at: at.toISOString() } };
  return { ...common, ...link, basis: 'payment', template_id: here.templateId, data: { character_string1: `A${number}`, thing2: `${goods(n)}（大杯）`, amount3: `${18 + (n % 40)}.00元`, time4: shown } };
};

/** What a day has besides orders: an account that stands still, something to approve, somebody who complained. */
async function incidents(call, shop) {
  const { appid } = here.account;
  await call('POST', `/api/v1/accounts/${OTHER}/pause`, { reason: '盘点' });
  const waiting = Array.from({ length: 6 }, (_, n) => ({ appid: OTHER, touser: shop.person, template_id: shop.other, basis: 'payment', lane: n ? 'bulk' : 'urgent', data: { thing1: `鲜花配送 ${n + 1}`, time2: '2026-11-24 12:00', thing3: '人民广场店' } }));
  await call('POST', '/api/v1/messages/batch', { messages: waiting });
  const appointment = (thing) => ({ appid, touser: shop.openids[3], template_id: shop.appointment, basis: 'payment', data: { thing1: thing, time2: '2026-11-25 10:00', thing3: '人民广场店' } });
  for (const thing of ['手冲课，送您优惠券', '手冲课（第二节）']) await call('POST', '/api/v1/messages', appointment(thing)).catch((error) => console.log(error.message));
  await call('POST', '/api/v1/suppressions', { appid, tousers: [shop.openids[2]], reason: 'opted_out' });
  await call('POST', '/api/v1/complaints', { appid, template_id: here.templateId, kind: 'unwanted', reference: 'ticket-7' });
  await call('POST', `/api/v1/webhooks/${shop.webhook}/test`);
}

/** A scenario tried for somebody. */
const tried = (openid) => async (page) => {
  await page.locator('input[name=touser]').fill(openid);
  await page.locator('input[name="params.paid_at"]').fill(new Date().toISOString());
  await page.locator('[data-part=try] form button').click();
  await page.locator('[data-part=try] .phone-card').waitFor();
};

/** `[file, path, ready, first]`, `first(page)` is done before; those with a star are taken in English, on a phone and in the dark too. */
const pages = (shop, message) => [
  ['*overview', '/?range=7d', '[data-part=charts] canvas'], ['*message', `/messages/${message}`, '.phone-title'], ['messages', '/messages', 'tbody tr'], ['queue', '/queue', '[data-part=lanes] tbody tr'], ['scenarios', '/scenarios', 'tbody tr'], ['catalogue', `/scenarios/new/catalogue?from=order_shipped&template_id=${here.templateId}`, '[data-part=look]'],
  ['*scenario', '/scenarios/payment_success', '[data-part=try] form', tried(shop.openids[3])], ['templates', '/templates', 'tbody tr'], ['*template', `/templates/${here.templateId}`, '[data-part=test] .phone-card'], ['application', `/templates/applications/${shop.application}`, '.keyword'], ['recipient', `/recipients?touser=${shop.openids[3]}&appid=${here.account.appid}`, '[data-part=why] .badge'],
  ['*analytics', '/analytics?range=7d', '[data-chart=lines] canvas, .chart canvas'], ['clicks', `/analytics?tab=clicks&appid=${here.account.appid}`, '[data-part=clicks] tbody tr'], ['hours', '/analytics?tab=heat', '.heat'], ['compliance', `/compliance?appid=${here.account.appid}`, '[data-part=approvals] .approval, .empty'],
  ['report', `/compliance?tab=report&appid=${here.account.appid}`, '.facts'], ['alerts', '/alerts', '[data-alert], .empty'], ['alert-rules', '/alerts?tab=rules', 'tbody tr'], ['accounts', '/accounts', 'tbody tr'], ['account', `/accounts/${here.account.appid}`, '[data-check=sending]'],
  ['webhook', `/webhooks/${shop.webhook}`, '[data-part=deliveries] tbody tr'], ['*developers', '/developers?tab=api&op=GET%20/api/v1/messages/%7Bid%7D', '[data-part=call]'], ['admin', '/admin?tab=health', '[data-check=store]'], ['settings', '/admin?tab=settings', 'tbody tr'], ['audit', '/admin?tab=audit', 'tbody tr'], ['start', '/start?appid=new', '[data-part=connect]'],
];

/** As high as what is on it, so that the navigation goes to the end. */
async function shoot(page, width, file) {
  await page.setViewportSize({ width, height: 800 });
  await page.waitForLoadState('networkidle', { timeout: 2000 }).catch(() => {});
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.min(Math.max(height, 800), HEIGHT_MAX) });
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${file}.png`) });
}

async function take(shots, options, suffix, state) {
  const { page, context } = await visit(here.browser, { ...options, state });
  await page.addInitScript((language) => localStorage.setItem('hongyan.language', language), options.language);
  for (const [name, path, ready, first] of shots) {
    await page.goto(here.base + path);
    await page.locator(ready).first().waitFor();
    await first?.(page);
    await shoot(page, options.width, `${name.replace('*', '')}.${suffix}`);
  }
  await context.close();
}

try {
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder).filter((name) => name.endsWith('.png'))) rmSync(join(folder, old));
  const call = await begin();
  const shop = await open(call);
  const source = { ...here, call, openids: shop.openids, appid: here.account.appid, message: written(shop) };
  await simulator('faults', { errcodes: [{ errcode: 47003, rate: 0.004 }] });
  await live(time, source, () => incidents(call, shop));
  await call('PATCH', `/api/v1/accounts/${here.account.appid}`, { limits: null });
  // Rules are looked at once a minute.
  await until(() => call('GET', '/api/v1/alerts?state=firing'), ({ alerts }) => alerts.length > 0);
  const { cookie } = await ask('POST', `${here.base}/api/v1/login`, { name: 'admin', password: PASSWORD });
  const [name, value] = cookie.split(';')[0].split('=');
  const state = { cookies: [{ name, value, domain: '127.0.0.1', path: '/', expires: -1, httpOnly: true, secure: false, sameSite: 'Strict' }], origins: [] };
  const { messages } = await call('GET', `/api/v1/messages?appid=${here.account.appid}&state=delivered&limit=500`);
  const all = pages(shop, messages.find(({ clicks, template_id: id }) => clicks && id === here.templateId).id);
  const best = all.filter(([name]) => name.startsWith('*'));
  await take(all, { language: 'zh', width: 1440 }, 'zh', state);
  await take(best, { language: 'en', width: 1440 }, 'en', state);
  await take(best, { language: 'zh', width: 390 }, 'phone', state);
  await take(best.slice(0, 1), { language: 'zh', width: 1440, dark: true }, 'dark', state);
  // A quarter of the size, and nobody sees it.
  const quantised = spawnSync('pngquant', ['--force', '--ext', '.png', '--strip', '--quality', '60-95', ...readdirSync(folder).filter((name) => name.endsWith('.png')).map((name) => join(folder, name))]);
  if (quantised.error) console.log('pngquant is not here: the pictures stay large');
} finally {
  await here.end();
}
