// Markup in every field that people, programs and WeChat can fill: it is shown as text on every page, and runs on none.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { PASSWORD, seed } from './seed.mjs';
import { visit, world } from './world.mjs';

/** Breaks out of an attribute and a title, within the 64 characters of the shortest name; `field` tells where it came from. */
const evil = (field) => `'"></title><script>1</script><img src=x onerror=1 alt=${field}>`;
/** For fields of few characters. */
const SHORT = '<img src=x>';
/** Nothing of this is ever on a page of ours. */
const TRACES = 'img[src=x], [onerror], [onload], script:not([src]), iframe, a[href^="javascript:" i], textarea img, title img';
const ROUTES = [...readFileSync(new URL('../../assets/js/routes.js', import.meta.url), 'utf8').matchAll(/path: '([^']+)'/g)].map(([, path]) => path);

const LINK = `https://shop.example.com/?q=%22%3E${encodeURIComponent(SHORT)}`;
const FIELDS = ['account', 'template', 'label', 'key', 'webhook', 'channel', 'answer', 'rule', 'scenario', 'literal', 'title', 'keyword', 'purpose', 'reviewer', 'reason', 'pause', 'approval', 'complaint', 'word', 'agent'];

let here;
let made;
let message;
let hook;
let application;
let refused;

before(async () => {
  here = await world({ template: { title: `支付${evil('template')}`, content: `商品${evil('label')}：{{thing1.DATA}}\n时间：{{time2.DATA}}` } });
  made = await seed(here, { mark: SHORT });
  await fill();
});
after(() => here?.end());

/** Puts the markup wherever the API takes a text. */
async function fill() {
  const { call, appid } = made;
  const account = `/api/v1/accounts/${appid}`;
  await call('PATCH', account, { name: evil('account') });
  await call('POST', '/api/v1/keys', { name: evil('key'), scopes: ['read'] });
  hook = (await call('POST', '/api/v1/webhooks', { name: evil('webhook'), url: here.receiver.url })).id;
  await call('POST', '/api/v1/alerts/channels', { id: 'evil', name: evil('channel'), kind: 'dingtalk', url: here.receiver.url });
  await call('POST', '/api/v1/alerts/rules', { id: 'evil', name: evil('rule'), metric: 'success_rate', threshold: 0.5, severity: 'info' });
  const fields = { thing1: '{{ product }}<b alt=literal>', time2: '{{ at | cn_time }}' };
  const params = { product: { type: 'text', required: true, example: SHORT }, at: { type: 'time', required: true, example: '2026-11-23 12:00' } };
  const scenario = { title: `'"><img src=x onerror=1 alt=scenario>`, category: 'service', template_id: here.templateId, fields: { ...fields, thing1: '{{ product }}' }, params };
  await call('PUT', '/api/v1/scenarios/evil', scenario);
  await call('PUT', '/api/v1/scenarios/literal', { ...scenario, fields, params: { ...params, product: { type: 'text', required: true, example: '茶' } } });
  const draft = { title: evil('title'), keywords: [{ name: evil('keyword'), type: 'thing' }], purpose: evil('purpose') };
  application = (await call('POST', `${account}/applications`, draft)).id;
  await answered(account);
  message = (await call('POST', '/api/v1/scenarios/evil/trigger', { touser: here.openids[1], params: { product: `美式${SHORT}`, at: '2026-11-23 12:00' }, client_msg_id: SHORT })).id;
  await call('POST', '/api/v1/messages', { appid, touser: here.openids[0], template_id: here.templateId, basis: 'payment', url: LINK, data: { thing1: SHORT, time2: '2026-11-23 12:00' } });
  await call('POST', '/api/v1/approvals/decide', { appid, decision: 'reject', reason: evil('approval'), ids: [(await call('GET', `/api/v1/approvals?appid=${appid}`)).approvals[0].id] });
  await call('POST', '/api/v1/complaints', { appid, template_id: here.templateId, kind: 'other', reference: evil('complaint') });
  await call('PATCH', '/api/v1/policies/suppression', { opt_out_words: [SHORT, '退订'] });
  await call('PUT', '/api/v1/words', { list: '<img src=x alt=word>,custom,note\n', pinyin: 'off' });
  await call('POST', `${account}/pause`, { reason: evil('pause') });
}

/** An application that was handed in and refused, and a login by a browser with a strange name. */
async function answered(account) {
  const { call } = made;
  const sound = { title: '设备故障通知', industry: 30, keywords: [{ name: '故障时间', type: 'time' }], sample: { 故障时间: '2026-11-23 15:01' }, purpose: '业主报修后发给报修的业主' };
  const path = `${account}/applications/${(await call('POST', `${account}/applications`, sound)).id}`;
  await call('POST', `${path}/check`);
  await call('POST', `${path}/submit`);
  await call('POST', `${path}/reject`, { reviewer: evil('reviewer'), reason: evil('reason') });
  refused = path.split('/').at(-1);
  const headers = { 'content-type': 'application/json', 'user-agent': evil('agent') };
  await fetch(new URL('/api/v1/login', here.base), { method: 'POST', headers, body: JSON.stringify({ name: 'admin', password: PASSWORD }) });
}

/** Every route has a place here; a test looks. */
const PLACES = () => [
  '/', '/messages', `/messages/${message}`, '/queue', '/scenarios', '/scenarios/new/catalogue?from=order_shipped', '/scenarios/evil', '/scenarios/literal', '/templates', `/templates/${here.templateId}`, '/templates?tab=notices', '/templates?tab=applications',
  `/templates/applications/${application}`, `/templates/applications/${refused}`, '/recipients', `/recipients?touser=${here.openids[0]}`, `/recipients?touser=${here.openids[1]}`, '/analytics?by=template', '/analytics?tab=clicks', '/analytics?tab=heat', '/compliance?state=all', '/compliance?tab=report', '/compliance?tab=risk',
  '/compliance?tab=brakes', '/compliance?tab=blocked', '/compliance?tab=complaints', '/compliance?tab=words', '/compliance/rules', `/compliance/rules?appid=${made.appid}&category=marketing`, '/alerts?state=all', '/alerts?tab=rules', '/alerts?tab=rules&edit=evil', '/alerts?tab=channels&edit=evil', '/alerts?tab=notes', '/accounts', `/accounts/${made.appid}`,
  '/webhooks', `/webhooks/${hook}`, '/developers', '/developers?tab=api&q=%3Cimg%20src%3Dx%3E', '/developers?tab=api&op=GET%20/api/v1/messages', '/developers?tab=requests', '/developers?tab=wechat', '/admin', '/admin?tab=sessions', '/admin?tab=audit', '/admin?tab=health', '/admin?tab=settings', '/start', '/start?appid=new', '/me',
  '/login', '/setup', `/${SHORT}/%22%3E${SHORT}`, `/messages?client_msg_id=${encodeURIComponent(evil('query'))}`, `/recipients?touser=${encodeURIComponent(evil('query'))}`, '/messages/%E0%A4%A',
];

/** All that a page holds as text, folded or not, cut short or in its fields. */
const held = (page) => page.evaluate(() => [document.title, document.body.textContent, ...[...document.querySelectorAll('input, textarea')].map(({ value }) => value), ...[...document.querySelectorAll('[title]')].map(({ title }) => title)].join('\n'));

/** What somebody who is told things answers, on the page that tested it. */
async function refusal(page) {
  here.receiver.answer.body = JSON.stringify({ errcode: 93000, errmsg: evil('answer') });
  await page.goto(`${here.base}/alerts?tab=channels`);
  await page.getByRole('button', { name: '发送测试' }).first().click();
  await page.locator('.fault', { hasText: '93000' }).waitFor();
  return held(page);
}

test('markup in every field is text on every page', async () => {
  const { page, context, faults } = await visit(here.browser, { state: made.state });
  let seen = '';
  for (const place of PLACES()) {
    await page.goto(here.base + place);
    await page.locator('h1').first().waitFor();
    await page.locator('[role=status]').filter({ hasText: '加载中' }).first().waitFor({ state: 'detached' });
    assert.equal(await page.locator(TRACES).count(), 0, `markup on ${place}`);
    assert.deepEqual(faults, [], place);
    seen += await held(page);
  }
  seen += await refusal(page);
  assert.equal(await page.locator(TRACES).count(), 0);
  assert.deepEqual(faults, []);
  assert.deepEqual(FIELDS.filter((field) => !seen.includes(`alt=${field}`)), [], 'fields that no page showed');
  await context.close();
});

test('every page is among those that were looked at', () => {
  const looked = PLACES().map((place) => place.split('?')[0]);
  const fits = (route) => new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`);

  assert.ok(ROUTES.length > 20);
  assert.deepEqual(ROUTES.filter((route) => !looked.some((place) => fits(route).test(place))), []);
});
