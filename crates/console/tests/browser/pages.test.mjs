// Every page of daily work, walked as a person walks it; then each in both languages and widths.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, seed } from './seed.mjs';
import { house } from '../../assets/js/pages/rules/house.js';
import { barriers, overflow, visit, world } from './world.mjs';

const XSS = '<img src=x onerror=alert(1)>';
let here;
let made;

before(async () => {
  here = await world({ template: { title: '订单支付成功通知', content: '商品：{{thing1.DATA}}\n时间：{{time2.DATA}}' } });
  made = await seed(here, { mark: '<b>' });
});
after(() => here?.end());

/** Walks as the admin in Chinese; nothing may go wrong on the way. */
async function walk(path, steps) {
  const { page, context, faults } = await visit(here.browser, { state: made.state });
  await page.goto(here.base + path);
  await steps(page);
  assert.deepEqual(faults, []);
  await context.close();
}

/** Answers the question that is open, with a reason where one is asked for. */
async function answer(page, button, reason) {
  const dialog = page.getByRole('dialog');
  if (reason) await dialog.getByRole('textbox').fill(reason);
  await dialog.getByRole('button', { name: button, exact: true }).click();
}

test('an account is paused with a reason, resumed, changed, and its faults stand at their fields', () => walk('/accounts', async (page) => {
  await page.getByRole('link', { name: '咖啡店' }).click();
  await page.locator('[data-check=token] .badge.good').waitFor();
  await page.locator('[data-part=quota] meter').waitFor();
  await page.locator('summary', { hasText: '暂停发送' }).click();
  await page.getByLabel('原因').fill('盘点');
  await page.getByRole('button', { name: '暂停发送' }).click();
  await page.locator('.warn-text', { hasText: '盘点' }).waitFor();
  await page.getByRole('button', { name: '恢复发送' }).click();
  await page.locator('.card .badge.good', { hasText: '正常发送' }).waitFor();
  await page.locator('[data-part=settings] summary').click();
  await page.getByLabel('AppSecret').fill('has a blank');
  await page.getByLabel('持续速率（条/秒，0 为不限）').fill('50');
  await page.getByLabel('瞬时上限（条/秒）').fill('20');
  await page.locator('[data-part=settings]').getByRole('button', { name: '保存' }).click();
  await page.locator('[data-part=settings] .wrong', { hasText: 'AppSecret' }).locator('.fault').waitFor();
  await page.locator('[data-part=settings] .wrong', { hasText: '瞬时上限' }).locator('.fault').waitFor();
  await page.getByLabel('AppSecret').fill('');
  await page.getByLabel('瞬时上限（条/秒）').fill('60');
  await page.getByLabel('名称').fill('咖啡店二号');
  await page.locator('[data-part=settings]').getByRole('button', { name: '保存' }).click();
  await page.locator('h1', { hasText: '咖啡店二号' }).waitFor();
  const account = await made.call('GET', `/api/v1/accounts/${made.appid}`);
  assert.deepEqual([account.limits.base_per_s, account.limits.peak_per_s, account.limits_from], [50, 60, 'own']);
}));

test('what the word list holds is seen, approved and rejected', () => walk('/compliance', async (page) => {
  const one = (n) => page.locator('.approval', { hasText: `全网最低 ${n}` });
  await one(3).locator('dd mark.hold', { hasText: '全网最低' }).waitFor();
  await one(3).getByRole('button', { name: '通过', exact: true }).click();
  await answer(page, '通过', '已核对');
  await one(3).waitFor({ state: 'detached' });
  await one(4).getByRole('button', { name: '拒绝', exact: true }).click();
  await answer(page, '拒绝', '不允许');
  await one(4).waitFor({ state: 'detached' });
  await page.getByLabel('状态').selectOption('rejected');
  await page.waitForURL(/state=rejected/);
  await one(4).getByText('不允许').waitFor();
  await one(4).getByRole('link', { name: '查看消息' }).click();
  await page.locator('header .badge[data-state=suppressed]').waitFor();
}));

test('the self-check has its day in the address and a sheet', () => walk('/compliance?tab=report', async (page) => {
  const today = await page.getByLabel('日期（北京时间）').getAttribute('max');
  await page.getByLabel('日期（北京时间）').fill(today);
  await page.waitForURL(new RegExp(`day=${today}`));
  await page.locator('.card', { hasText: '真实性' }).waitFor();
  const sheet = await page.getByRole('link', { name: '下载 CSV' }).getAttribute('href');
  assert.match(await page.evaluate(async (href) => (await fetch(href)).headers.get('content-type'), sheet), /text\/csv/);
}));

test('a text is tried against the word list, which is replaced; a wrong line is named', () => walk('/compliance?tab=words', async (page) => {
  await page.getByLabel('内容（每行一个字段）').fill(`稳赚不赔${XSS}\n特惠`);
  await page.getByRole('button', { name: '检查' }).click();
  await page.locator('.phone-card mark.refuse', { hasText: '稳赚不赔' }).waitFor();
  const list = page.getByLabel('内容', { exact: true });
  await list.fill('好词,custom,hold\n坏行,无此类别,hold');
  await page.getByRole('button', { name: '替换词表' }).click();
  await answer(page, '替换词表');
  await page.locator('.faults', { hasText: '第 2 行' }).waitFor();
  await list.fill('全网最低,advertising_law,hold\n好词,custom,hold\n稳赚不赔,fraud,refuse');
  await page.getByRole('button', { name: '替换词表' }).click();
  await answer(page, '替换词表');
  await page.getByText('第 2 版').waitFor();
}));

test('the house’s rules are those of a server on which nothing was changed', async () => {
  for (const category of ['service', 'transactional', 'marketing']) {
    assert.deepEqual((await made.call('GET', `/api/v1/policies?category=${category}`)).policies, house(category), category);
  }
});

test('a cap is changed for an account, holds, is told from the house’s, and is taken back', () => walk('/compliance', async (page) => {
  const { appid } = made;
  const touser = here.openids[0];
  await made.call('POST', '/api/v1/interactions', { appid, touser, kind: 'message' });
  const judged = () => made.call('POST', `/api/v1/recipients/${touser}/check`, { appid, category: 'transactional' });
  await page.getByRole('link', { name: '规则', exact: true }).click();
  await page.waitForURL(/compliance\/rules\?appid=/);
  await page.getByLabel('消息类别').selectOption('transactional');
  await page.waitForURL(/category=transactional/);
  const rule = page.locator('[data-rule=frequency]');
  await rule.getByText('每天全部消息最多 3 条').waitFor();
  await rule.getByRole('button', { name: '修改', exact: true }).click();
  await rule.getByLabel('条数').fill('');
  await rule.getByRole('button', { name: '保存' }).click();
  assert.equal(await rule.getByLabel('条数').evaluate((input) => input.validity.valid), false);
  await rule.getByLabel('条数').fill('0');
  await rule.getByRole('button', { name: '保存' }).click();
  await rule.locator('[data-setting=caps] .badge', { hasText: '已修改' }).waitFor();
  await rule.getByText('每天全部消息最多 0 条').waitFor();
  await rule.getByText('默认：每天全部消息最多 3 条').waitFor();
  assert.deepEqual([(await judged()).verdict, (await judged()).rule], ['refuse', 'frequency']);
  assert.deepEqual((await made.call('GET', `/api/v1/policies?appid=${appid}&category=service`)).policies.frequency, house('service').frequency);
  await rule.getByRole('button', { name: '修改', exact: true }).click();
  await rule.getByLabel('方式').selectOption('observe');
  await rule.getByRole('button', { name: '保存' }).click();
  await rule.locator('.card-head .badge', { hasText: '仅观察' }).waitFor();
  assert.notEqual((await judged()).rule, 'frequency');
  await rule.getByRole('button', { name: '修改', exact: true }).click();
  await rule.getByRole('button', { name: '撤销修改' }).click();
  await answer(page, '撤销修改');
  await rule.getByText('每天全部消息最多 3 条').waitFor();
  await rule.locator('.card-head .badge', { hasText: '执行' }).waitFor();
  assert.deepEqual((await made.call('GET', `/api/v1/policies?appid=${appid}&category=transactional`)).policies.frequency, house('transactional').frequency);
}));

test('windows, words and hours are changed for all accounts; a fault stands at its setting', () => walk('/compliance/rules?category=marketing', async (page) => {
  const open = async (name) => {
    const rule = page.locator(`[data-rule=${name}]`);
    await rule.getByRole('button', { name: '修改', exact: true }).click();
    return rule;
  };
  const reach = await open('reach');
  await reach.getByRole('button', { name: '增加窗口' }).click();
  await reach.getByRole('button', { name: '保存' }).click();
  await reach.locator('.fault').waitFor();
  await reach.locator('[data-row="3"]').getByRole('button', { name: '移除' }).click();
  await reach.locator('[data-row="2"]').getByLabel(/有效（小时/).fill('24');
  await reach.getByRole('button', { name: '保存' }).click();
  await reach.getByText('24 小时有效').waitFor();
  const hours = await open('quiet_hours');
  await hours.getByLabel('结束').fill('09:30');
  await hours.getByRole('button', { name: '保存' }).click();
  await hours.locator('[data-setting=to]', { hasText: '09:30' }).getByText('默认：08:00').waitFor();
  const suppression = await open('suppression');
  await suppression.getByLabel(/退订词/).fill('退订\n不要了');
  await suppression.getByRole('button', { name: '保存' }).click();
  await suppression.locator('[data-setting=opt_out_words]', { hasText: '不要了' }).waitFor();
  await page.getByLabel('公众号').selectOption(made.appid);
  await page.waitForURL(/appid=/);
  await hours.locator('[data-setting=to] .badge', { hasText: '全部公众号的修改' }).waitFor();
  for (const name of ['reach', 'quiet_hours', 'suppression']) {
    const nothing = Object.fromEntries(Object.keys(house('marketing')[name]).map((key) => [key, null]));
    await made.call('PATCH', `/api/v1/policies/${name}`, { category: 'marketing', ...nothing });
  }
}));

test('whoever is no admin reads the rules and is told who changes them', async () => {
  await made.call('POST', '/api/v1/users', { name: 'reader', role: 'viewer', password: PASSWORD });
  const login = await fetch(new URL('/api/v1/login', here.base), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'reader', password: PASSWORD }) });
  const [name, value] = login.headers.get('set-cookie').split(';')[0].split('=');
  const state = { ...made.state, cookies: [{ ...made.state.cookies[0], name, value }] };
  const { page, context, faults } = await visit(here.browser, { state });
  await page.goto(`${here.base}/compliance/rules`);
  await page.getByText('修改规则需要管理员角色').waitFor();
  await page.locator('[data-rule=brake]').waitFor();
  assert.equal(await page.locator('[data-part=edit]').count(), 0);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a complaint is noted', () => walk('/compliance?tab=complaints', async (page) => {
  await page.getByText('ticket-7').waitFor();
  await page.locator('summary', { hasText: '登记投诉' }).click();
  await page.getByLabel('编号', { exact: true }).fill(made.held[0]);
  await page.getByLabel('类型').selectOption('misleading');
  await page.getByRole('button', { name: '登记投诉' }).click();
  await page.locator('tbody', { hasText: '内容误导' }).waitFor();
}));

test('a scenario is bound from the catalogue, saved, tried and changed', () => walk('/scenarios', async (page) => {
  await page.getByRole('link', { name: '从目录新建' }).first().click();
  await page.locator('.choice', { hasText: '支付成功' }).getByRole('button').click();
  await page.waitForURL(/from=payment_success/);
  const json = page.getByLabel('场景（JSON）');
  await json.fill('{');
  await page.getByRole('button', { name: '保存' }).click();
  await page.locator('.fault', { hasText: 'JSON' }).waitFor();
  const scenario = {
    name: 'payment_success', title: '支付成功', category: 'transactional', template_id: here.templateId, basis: 'payment',
    fields: { thing1: '{{ product }}', time2: '{{ paid_at | cn_time }}' }, params: { product: { type: 'text', required: true, example: '拿铁' }, paid_at: { type: 'time', required: true, example: '2026-11-23 12:00' } },
  };
  await json.fill(JSON.stringify({ ...scenario, fields: { ...scenario.fields, thing9: 'x' } }));
  await page.getByRole('button', { name: '保存' }).click();
  await page.locator('.faults', { hasText: 'thing9' }).waitFor();
  await json.fill(JSON.stringify(scenario));
  await page.getByRole('button', { name: '保存' }).click();
  await page.waitForURL(/scenarios\/payment_success/);
  await page.getByLabel('接收者 openid').fill(here.openids[0]);
  await page.getByLabel('product *').fill('美式<b>');
  await page.getByRole('button', { name: '试运行' }).click();
  await page.locator('.phone-card').getByText('美式<b>').waitFor();
  await page.locator('[data-part=advice]').waitFor();
  await page.locator('[data-part=judged] .badge').waitFor();
  await page.locator('[data-part=edit] summary').click();
  await page.getByLabel('场景（JSON）').fill(JSON.stringify({ ...scenario, title: '付款成功' }));
  await page.getByRole('button', { name: '保存' }).click();
  await page.locator('.sub', { hasText: '付款成功' }).waitFor();
  await page.locator('summary', { hasText: '第 1 版' }).waitFor();
}));

test('a scenario whose words do not pass is not called fine', () => walk('/scenarios/payment_success', async (page) => {
  const tried = page.locator('[data-part=try]');
  await tried.getByLabel('接收者 openid').fill(here.openids[0]);
  for (const [thing, tone, severity] of [['全网最低', 'warn', 'hold'], ['稳赚不赔', 'bad', 'refuse']]) {
    await tried.getByLabel('product *').fill(thing);
    await tried.getByRole('button', { name: '试运行' }).click();
    await tried.locator('[data-part=judged]').locator(`mark.${severity}`, { hasText: thing }).waitFor();
    await tried.locator(`[data-part=judged] .badge.${tone}`).waitFor();
    assert.equal(await tried.locator('.badge.good').count(), 0);
  }
}));

test('a template filled with words that do not pass is tried and nothing is sent', () => walk(`/templates/${here.templateId}`, async (page) => {
  const fill = page.locator('[data-part=test]');
  const before = (await made.call('GET', '/api/v1/messages?limit=500')).messages.length;
  await fill.getByLabel('接收者 openid').fill(here.openids[0]);
  await fill.getByLabel(/thing1/).fill('稳赚不赔');
  await fill.locator('[data-part=advice] li').first().waitFor();
  await fill.getByRole('button', { name: '试运行（不发送）' }).click();
  await fill.locator('[data-part=judged] .badge.bad').waitFor();
  await fill.locator('[data-part=judged] mark.refuse', { hasText: '稳赚不赔' }).waitFor();
  assert.equal((await made.call('GET', '/api/v1/messages?limit=500')).messages.length, before);
}));

test('a held message says what would become of the same now', () => walk(`/messages/${made.held[2]}`, async (page) => {
  const judged = page.locator('[data-part=now] [data-part=judged]');
  await judged.locator('.badge.warn, .badge.bad').first().waitFor();
  assert.equal(await judged.locator('.badge.good').count(), 0);
  await page.locator('[data-part=now] mark.hold', { hasText: '全网最低' }).waitFor();
}));

test('a person is looked up, asked about, put on the list and taken off it', () => walk('/recipients', async (page) => {
  await page.locator('[data-part=list] tbody', { hasText: '已退订' }).waitFor();
  await page.locator('[data-part=import] summary').click();
  await page.getByLabel('openid', { exact: true }).last().fill('touser\nnot an openid!');
  await page.getByRole('button', { name: '加入名单' }).click();
  await page.locator('[data-part=import] .fault').waitFor();
  await page.getByLabel('openid', { exact: true }).last().fill(`touser,reason\n${here.openids[1]},x`);
  await page.getByRole('button', { name: '加入名单' }).click();
  await page.locator('[data-part=list] tbody', { hasText: '人工加入' }).waitFor();
  await page.getByLabel('openid', { exact: true }).first().fill(here.openids[1]);
  await page.getByRole('button', { name: '查询' }).click();
  await page.waitForURL(/touser=/);
  await page.locator('[data-part=why] .badge.bad', { hasText: '会被拒绝' }).waitFor();
  await page.locator('[data-part=why]').getByText('禁发名单', { exact: true }).waitFor();
  await page.locator('[data-part=suppressed]').getByText('来源：接口或控制台').waitFor();
  await page.locator('[data-part=suppressed]').getByRole('button', { name: '解除' }).click();
  await answer(page, '解除');
  await page.getByText('不在禁发名单中').waitFor();
  await page.locator('[data-part=why] .badge', { hasText: '会被拒绝' }).waitFor({ state: 'detached' });
  await page.locator('[data-part=suppressed] summary').click();
  await page.locator('[data-part=suppressed]').getByRole('button', { name: '加入禁发名单' }).click();
  await page.locator('[data-part=suppressed]').getByText('人工加入').first().waitFor();
}));

test('a suppression of one category is lifted by itself', () => walk(`/recipients?touser=${here.openids[1]}&appid=${made.appid}`, async (page) => {
  const { appid } = made;
  const list = page.locator('[data-part=suppressed]');
  await made.call('POST', '/api/v1/suppressions', { appid, tousers: [here.openids[1]], reason: 'opted_out', category: 'marketing' });
  await made.call('POST', '/api/v1/suppressions', { appid, tousers: [here.openids[1]], reason: 'opted_out', category: 'service' });
  await page.reload();
  const row = list.locator('li', { hasText: '营销' });
  const asked = page.waitForRequest((request) => request.method() === 'DELETE');
  await row.getByRole('button', { name: '解除' }).click();
  await answer(page, '解除');
  assert.equal(new URL((await asked).url()).searchParams.get('category'), 'marketing');
  await row.waitFor({ state: 'detached' });
  await list.locator('li', { hasText: '服务' }).getByText('已退订').waitFor();
  await made.call('DELETE', `/api/v1/suppressions?appid=${appid}&touser=${here.openids[1]}&reason=opted_out&category=service`);
}));

test('messages are found by what WeChat calls them, by cause and by template, each a choice', () => walk('/messages', async (page) => {
  await page.locator('summary', { hasText: '更多条件' }).click();
  await page.locator('select[name=template_id]').selectOption({ label: '订单支付成功通知' });
  await page.waitForURL(new RegExp(`template_id=${here.templateId}`));
  await page.locator('select[name=cause]').selectOption('delivered');
  await page.waitForURL(/cause=delivered/);
  await page.locator('tbody tr', { has: page.locator('[data-state=delivered]') }).first().getByRole('link').first().click();
  await page.waitForURL(/messages\/msg_/);
  const { msgid, id } = await made.call('GET', `/api/v1/messages/${new URL(page.url()).pathname.split('/').at(-1)}`);
  await page.goto(`${here.base}/messages`);
  await page.locator('summary', { hasText: '更多条件' }).click();
  await page.getByLabel('微信消息号').fill(msgid);
  await page.getByRole('button', { name: '查询' }).click();
  await page.waitForURL(new RegExp(`msgid=${msgid}`));
  await page.locator(`tbody a[href="/messages/${id}"]`).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 1);
}));

test('of a stranger that is said, and what holds for strangers', () => walk(`/recipients?touser=oNobody_0000000000000000000&appid=${made.appid}`, async (page) => {
  await page.locator('[data-part=stranger]', { hasText: '没有此人的任何记录' }).waitFor();
  await page.locator('[data-part=why] .badge').waitFor();
  await page.getByLabel('消息证明的互动').selectOption('payment');
  await page.locator('[data-part=why] .badge.good', { hasText: '可以发送' }).waitFor();
}));

test('a key is made, shown once and revoked', () => walk('/developers', async (page) => {
  await page.locator('[data-part=create] summary').click();
  await page.getByLabel('名称').fill('order-service');
  await page.getByRole('button', { name: '创建密钥' }).click();
  const key = await page.locator('.made pre').innerText();
  assert.match(key, /^hy_/);
  await page.locator('[data-part=curl] pre', { hasText: key }).waitFor();
  await page.reload();
  await page.locator('[data-part=curl] pre', { hasText: '$HONGYAN_KEY' }).waitFor();
  const row = page.locator('tbody tr', { hasText: 'order-service' });
  await row.getByRole('button', { name: '吊销' }).click();
  assert.equal(await page.locator('.made').count(), 0);
  await answer(page, '吊销');
  await row.getByText('已吊销').waitFor();
}));

test('a call of the API is found, read as a command and tried where it only reads', () => walk('/developers?tab=api', async (page) => {
  await page.getByLabel('查找').fill('/messages');
  await page.getByRole('button', { name: '查询' }).click();
  await page.waitForURL(/q=/);
  await page.getByRole('link', { name: '/api/v1/messages', exact: true }).last().click();
  const call = page.locator('[data-part=call]');
  await call.locator('pre', { hasText: "-X POST" }).filter({ hasText: '"touser"' }).waitFor();
  assert.equal(await call.getByRole('button', { name: '调用' }).count(), 0);
  await page.goto(`${here.base}/developers?tab=api&op=GET%20/api/v1/accounts/%7Bappid%7D`);
  await call.getByLabel('appid').fill(made.appid);
  await call.locator('pre', { hasText: `/api/v1/accounts/${made.appid}` }).waitFor();
  await call.getByRole('button', { name: '调用' }).click();
  await call.locator('.code-box', { hasText: '"appid"' }).waitFor();
  await call.getByLabel('appid').fill('wx0000000000000000');
  await call.getByRole('button', { name: '调用' }).click();
  await call.locator('.badge.bad', { hasText: 'HTTP 404' }).waitFor();
}));

test('what a key asked is seen, by its status too, and leads to the call', () => walk('/developers?tab=requests', async (page) => {
  await made.call('GET', '/api/v1/messages/msg_nothing').catch(() => {});
  await page.getByLabel('状态').selectOption('4xx');
  await page.waitForURL(/status=4xx/);
  const row = page.locator('[data-part=requests] tbody tr', { hasText: 'GET /api/v1/messages/{id}' }).first();
  await row.locator('.badge.warn').waitFor();
  await row.getByRole('link', { name: 'GET /api/v1/messages/{id}' }).click();
  await page.locator('[data-part=operation]').getByText('/api/v1/messages/{id}', { exact: true }).first().waitFor();
}));

test('the audit is verified, alone and against a row that was kept', () => walk('/admin?tab=audit', async (page) => {
  const verify = page.locator('[data-part=verify]');
  await verify.getByRole('button', { name: '验证整条链' }).click();
  await verify.locator('.badge.good', { hasText: '完整' }).waitFor();
  const newest = await verify.locator('.id code').innerText();
  await verify.getByLabel('以前另存的最新一行（可选）').fill(newest.replace(/.$/, (last) => (last === '0' ? '1' : '0')));
  await verify.getByRole('button', { name: '验证整条链' }).click();
  await verify.locator('.badge.bad', { hasText: '有问题' }).waitFor();
  await verify.getByLabel('以前另存的最新一行（可选）').fill('nonsense');
  await verify.getByRole('button', { name: '验证整条链' }).click();
  await verify.locator('.fault').waitFor();
}));

test('the installation says how it is, what it runs with and how long things are kept', () => walk('/admin?tab=health', async (page) => {
  await page.locator('[data-check=store] .badge.good').waitFor();
  await page.locator('[data-part=backup]').getByText('master.key').waitFor();
  await made.call('POST', '/api/v1/hold', { held: true, reason: '演练' });
  await page.locator('[data-check=dispatch] .badge.bad').waitFor();
  await made.call('POST', '/api/v1/hold', { held: false, reason: '演练结束' });
  await page.getByRole('link', { name: '设置', exact: true }).click();
  await page.locator('[data-part=kept]').getByText('30 天').waitFor();
  await page.locator('tbody tr', { hasText: 'http.listen' }).getByText('HONGYAN_HTTP__LISTEN').waitFor();
}));

test('a template that a scenario fills is deleted all the same, once its name was read', async () => {
  const { template_id: doomed } = await (await fetch(`${here.wechat}/_sim/templates`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ appid: made.appid, title: '到店提醒', content: '门店：{{thing1.DATA}}' }) })).json();
  await made.call('POST', `/api/v1/accounts/${made.appid}/templates/sync`);
  await made.call('PUT', '/api/v1/scenarios/visit', { title: '到店', category: 'service', template_id: doomed, fields: { thing1: '{{ shop }}' }, params: { shop: { type: 'text', required: true, example: '一店' } } });
  await walk('/templates', async (page) => {
    const row = page.locator('tbody tr', { hasText: '到店提醒' });
    await row.getByRole('button', { name: '删除' }).click();
    await page.getByRole('dialog').getByText('到店').last().waitFor();
    await answer(page, '删除');
    await row.waitFor({ state: 'detached' });
  });
  await made.call('DELETE', '/api/v1/scenarios/visit');
});

test('a user is added, made operator and disabled, and the audit tells it', () => walk('/admin', async (page) => {
  await page.locator('[data-part=add] summary').click();
  await page.getByLabel('用户名').fill('li.na');
  await page.getByLabel('初始密码').fill('short');
  await page.getByRole('button', { name: '添加用户' }).click();
  await page.locator('.fault', { hasText: '10' }).waitFor();
  await page.getByLabel('初始密码').fill('a long password 1');
  await page.getByRole('button', { name: '添加用户' }).click();
  const row = page.locator('tbody tr', { hasText: 'li.na' });
  await row.getByLabel('li.na 的角色').selectOption('operator');
  await answer(page, '保存');
  await row.getByRole('button', { name: '停用' }).click();
  await answer(page, '停用');
  await row.getByText('已停用').waitFor();
  await page.getByRole('link', { name: '审计' }).click();
  await page.locator('[data-part=audit] tbody tr', { hasText: 'li.na' }).first().waitFor();
  await page.getByLabel('操作', { exact: true }).fill('no.such');
  await page.getByRole('button', { name: '查询' }).click();
  await page.locator('.fault', { hasText: 'action' }).waitFor();
}));

test('a scenario that is called like a page is opened all the same', async () => {
  const scenario = { title: '目录更新', category: 'service', template_id: here.templateId, fields: { thing1: '{{ product }}', time2: '{{ at | cn_time }}' }, params: { product: { type: 'text', required: true }, at: { type: 'time', required: true } } };
  await made.call('PUT', '/api/v1/scenarios/catalogue', scenario);
  await walk('/scenarios', async (page) => {
    await page.getByRole('link', { name: '目录更新' }).click();
    await page.waitForURL(/scenarios\/catalogue/);
    await page.locator('.sub', { hasText: '目录更新' }).waitFor();
  });
  await made.call('DELETE', '/api/v1/scenarios/catalogue');
});

test('a template is added from the library, filled beside the phone, granted more, tested and deleted', () => walk('/templates', async (page) => {
  await page.locator('[data-part=add] summary').click();
  await page.getByLabel('模板编号').fill('43216');
  await page.getByLabel('关键词').fill('订单编号、商品名称');
  await page.getByRole('button', { name: '从微信模板库添加' }).click();
  await page.waitForURL(/templates\/[\w-]{20,}/);
  const test = page.locator('[data-part=test]');
  await test.getByLabel(/商品名称/).fill('拿铁<b>');
  await test.locator('.phone-card').getByText('拿铁<b>').waitFor();
  await test.getByLabel(/商品名称/).fill('全网最低');
  await test.locator('mark.hold', { hasText: '全网最低' }).waitFor();
  await page.locator('[data-part=relax] summary').click();
  await page.locator('[data-part=relax]').getByLabel(/商品名称/).fill('9999');
  await page.locator('[data-part=relax]').getByRole('button', { name: '保存' }).click();
  await page.locator('[data-part=relax] .fault').waitFor();
  await page.locator('[data-part=relax]').getByLabel(/商品名称/).fill('30');
  await page.locator('[data-part=relax]').getByRole('button', { name: '保存' }).click();
  await page.locator('[data-part=fields] .badge.info', { hasText: '30' }).waitFor();
  await test.getByLabel(/商品名称/).fill('二十个字以内的限制已经放宽到三十个字了');
  await test.getByLabel('接收者 openid').fill('no openid!');
  await test.getByRole('button', { name: '发送并查看经过' }).click();
  await test.locator('.wrong', { hasText: '接收者 openid' }).locator('.fault').waitFor();
  await test.getByLabel('接收者 openid').fill(here.openids[0]);
  await test.getByRole('button', { name: '发送并查看经过' }).click();
  await page.waitForURL(/messages\/msg_/);
  await page.goto(`${here.base}/templates?appid=${made.appid}`);
  await page.locator('tbody tr', { hasText: '订单编号' }).getByRole('button', { name: '删除' }).click();
  await answer(page, '删除');
  await page.locator('tbody tr', { hasText: '订单编号' }).waitFor({ state: 'detached' });
}));

test('what was changed at WeChat leads to the template and its versions', () => walk('/templates?tab=notices', async (page) => {
  const row = page.locator('tbody tr', { hasText: '修改' });
  await row.getByText('内容').waitFor();
  await row.getByRole('link', { name: '退款到账通知' }).click();
  await page.waitForURL(new RegExp(made.changedId));
  await page.locator('[data-part=versions] summary', { hasText: '第 2 版' }).waitFor();
  await page.locator('[data-part=versions] summary', { hasText: '第 1 版' }).click();
  assert.equal(await page.locator('[data-part=versions] pre').count(), 2);
}));

test('an application is written, its faults mended, handed in, rejected, mended and approved', () => walk('/templates?tab=applications', async (page) => {
  await page.locator('[data-part=add] summary').click();
  await page.getByLabel('标题').fill('限时通知');
  await page.getByRole('button', { name: '创建草稿' }).click();
  await page.waitForURL(/templates\/applications\/app_/);
  const draft = page.locator('[data-part=draft]');
  const check = async () => draft.getByRole('button', { name: '保存并检查' }).click();
  await check();
  await draft.locator('.wrong', { hasText: '标题' }).locator('.fault', { hasText: '营销用语' }).waitFor();
  await draft.locator('.wrong', { hasText: '行业' }).locator('.fault').waitFor();
  await draft.locator('.wrong', { hasText: '用途' }).locator('.fault').waitFor();
  await draft.getByLabel('标题').fill('设备故障通知');
  await draft.getByLabel('行业').selectOption('30');
  await draft.getByLabel('名称').fill('故障时间');
  await draft.getByLabel('类型').selectOption('time');
  await draft.getByLabel('示例值').fill('昨天');
  await draft.getByLabel('用途').fill('业主报修后发给报修的业主');
  await check();
  await draft.locator('.keyword .fault', { hasText: '故障时间' }).waitFor();
  await draft.getByLabel('示例值').fill('2026-11-23 15:01');
  await draft.locator('.phone-card').getByText('2026-11-23 15:01').waitFor();
  await check();
  const next = page.locator('[data-part=next]');
  await next.getByText('本月已提交 0 / 3 次').waitFor();
  await page.locator('[data-part=what]').getByText('设备故障通知').waitFor();
  await next.getByRole('button', { name: '已在微信提交' }).click();
  await answer(page, '已在微信提交');
  await next.locator('[data-part=reject] summary').click();
  await next.getByLabel('微信给出的理由').fill('类目不符');
  await next.locator('[data-part=reject]').getByRole('button', { name: '保存' }).click();
  await next.getByText('类目不符').waitFor();
  await check();
  await next.getByText('本月已提交 1 / 3 次').waitFor();
  await next.getByRole('button', { name: '已在微信提交' }).click();
  await answer(page, '已在微信提交');
  await next.locator('[data-part=approve] summary').click();
  await next.getByLabel(/成为哪个模板/).selectOption(made.changedId);
  await next.locator('[data-part=approve]').getByRole('button', { name: '保存' }).click();
  await page.locator('.stages .here', { hasText: '已通过' }).waitFor();
  await page.getByRole('link', { name: '返回' }).click();
  await page.getByText('本月已提交 2 / 3 次').waitFor();
  await page.getByLabel('状态').selectOption('approved');
  await page.waitForURL(/state=approved/);
  await page.locator('tbody tr', { hasText: '设备故障通知' }).waitFor();
  // One that is being written, for the look at every page.
  await made.call('POST', `/api/v1/accounts/${made.appid}/applications`, { title: '课程变更通知', keywords: [{ name: '课程名称', type: 'thing' }, { name: '上课时间', type: 'time' }], sample: { 课程名称: '英语口语', 上课时间: '2026-11-23 15:00' } });
}));

test('a channel is added and tested; what its robot refuses is said', () => walk('/alerts?tab=channels', async (page) => {
  await page.getByRole('link', { name: '添加渠道' }).click();
  const edit = page.locator('[data-part=edit]');
  await edit.getByLabel('渠道代号').fill('On Duty');
  await edit.getByLabel('名称').fill('值班群');
  await edit.getByLabel('Webhook 地址').fill(`${here.receiver.url}?key=K`);
  await edit.getByRole('button', { name: '保存' }).click();
  await edit.locator('.wrong', { hasText: '渠道代号' }).locator('.fault').waitFor();
  await edit.getByLabel('渠道代号').fill('duty');
  await edit.getByRole('button', { name: '保存' }).click();
  const row = page.locator('tbody tr', { hasText: '值班群' });
  await row.getByRole('button', { name: '发送测试' }).click();
  await row.getByText('已送达').waitFor();
  assert.ok(here.receiver.came.some(({ path }) => path === '/told?key=K'));
  here.receiver.answer.body = '{"errcode":93000,"errmsg":"invalid webhook url"}';
  await row.getByRole('button', { name: '发送测试' }).click();
  await row.locator('.fault', { hasText: '93000' }).waitFor();
  here.receiver.answer.body = '{"errcode":0,"code":0}';
  await row.getByRole('button', { name: '停用' }).click();
  await row.locator('.badge', { hasText: '停用' }).waitFor();
  await row.getByRole('button', { name: '启用' }).click();
  await row.locator('.badge.good').waitFor();
}));

test('a rule is changed in per cent, switched off, taken back to how it came; another is made', () => walk('/alerts?tab=rules', async (page) => {
  const row = (name) => page.locator('tbody tr', { hasText: name });
  const edit = page.locator('[data-part=edit]');
  await row('送达率过低').getByText('低于 90 %').waitFor();
  await row('送达率过低').getByRole('link').click();
  await page.waitForURL(/edit=success-rate/);
  await edit.getByLabel('告警线', { exact: true }).fill('95');
  await edit.getByLabel('恢复线').fill('50');
  await edit.getByRole('button', { name: '保存' }).click();
  await edit.locator('.wrong', { hasText: '恢复线' }).locator('.fault').waitFor();
  await edit.getByLabel('恢复线').fill('');
  await edit.getByRole('button', { name: '保存' }).click();
  await row('送达率过低').getByText('低于 95 %').waitFor();
  await row('送达率过低').getByRole('button', { name: '停用' }).click();
  await row('送达率过低').locator('.badge', { hasText: '停用' }).waitFor();
  await row('送达率过低').getByRole('link').click();
  await edit.getByRole('button', { name: '恢复默认' }).click();
  await answer(page, '恢复默认');
  await row('送达率过低').getByText('低于 90 %').waitFor();
  await page.getByRole('link', { name: '新建规则' }).click();
  await edit.getByLabel('规则代号').fill('shop-47003');
  await edit.getByLabel('名称').fill('店铺参数错误');
  await edit.getByLabel('错误码', { exact: true }).fill('47003');
  await edit.getByLabel('值班群').check();
  await edit.getByRole('button', { name: '保存' }).click();
  await row('店铺参数错误').getByText('47003').waitFor();
  await row('店铺参数错误').getByText('duty').waitFor();
}));

test('a webhook is made with a secret shown once, tested, changed, replayed, switched off and deleted', () => walk('/webhooks', async (page) => {
  await page.locator('.empty').getByText(/咖啡店/).waitFor();
  await page.getByLabel('名称').fill('订单中心');
  await page.getByLabel('接收地址').fill('not a url');
  await page.getByRole('button', { name: '登记业务回调' }).click();
  await page.locator('.wrong', { hasText: '接收地址' }).locator('.fault').waitFor();
  await page.getByLabel('接收地址').fill(here.receiver.url);
  await page.getByLabel('已送达').check();
  await page.getByRole('button', { name: '登记业务回调' }).click();
  assert.match(await page.locator('.made pre').innerText(), /^whsec_/);
  await page.reload();
  await page.getByRole('link', { name: '订单中心' }).click();
  await page.waitForURL(/webhooks\/whk_/);
  assert.equal(await page.locator('.made').count(), 0);
  await page.getByText('还没有推送过').waitFor();
  await page.getByRole('button', { name: '发送测试' }).click();
  await page.locator('[data-part=now]').getByText('HTTP 200').waitFor();
  assert.ok(here.receiver.came.some(({ body }) => body.type === 'test'));
  here.receiver.answer.status = 500;
  await page.getByRole('button', { name: '发送测试' }).click();
  await page.locator('[data-part=now] .fault', { hasText: '500' }).waitFor();
  here.receiver.answer.status = 200;
  await page.getByRole('button', { name: '重新推送' }).click();
  await page.locator('[data-part=deliveries] tbody tr', { hasText: 'HTTP 200' }).first().waitFor();
  await page.locator('[data-part=edit] summary').click();
  await page.locator('[data-part=edit]').getByLabel('名称').fill('订单中心二号');
  await page.locator('[data-part=edit]').getByRole('button', { name: '保存' }).click();
  await page.locator('h1', { hasText: '订单中心二号' }).waitFor();
  await page.getByRole('button', { name: '停用' }).click();
  await answer(page, '停用');
  await page.locator('[data-part=now] .badge', { hasText: '已停用' }).waitFor();
  await page.getByRole('button', { name: '删除' }).click();
  await answer(page, '删除');
  await page.getByText('还没有业务回调').waitFor();
  made.hook = (await made.call('POST', '/api/v1/webhooks', { name: '订单中心', url: here.receiver.url, states: ['delivered'] })).id;
  await made.call('POST', `/api/v1/webhooks/${made.hook}/test`);
}));

test('an alert says what it means, what was done and what to do, and is silenced', () => walk('/alerts', async (page) => {
  const one = page.locator('[data-alert]', { hasText: '43002' });
  // Rules are looked at once a minute.
  await one.waitFor({ timeout: 120000 });
  for (const part of ['含义', '系统已处理', '建议']) assert.notEqual(await one.locator('.lines div', { hasText: part }).locator('dd').innerText(), '');
  await one.getByLabel('静默时长').selectOption('240');
  await one.getByRole('button', { name: '静默', exact: true }).click();
  await one.getByText('静默到').waitFor();
  await one.getByRole('button', { name: '取消静默' }).click();
  await one.getByRole('button', { name: '静默', exact: true }).waitFor();
  await one.getByRole('link', { name: '查看相关消息' }).click();
  await page.waitForURL(/messages\?.*errcode=43002/);
  await page.locator('tbody tr').waitFor();
  await page.goto(`${here.base}/alerts?tab=notes`);
  await page.locator('tbody summary', { hasText: '43002' }).first().click();
  await page.locator('tbody').getByText('建议').locator('visible=true').first().waitFor();
}));

const PLACES = () => [
  ['/accounts', 'tbody tr'], [`/accounts/${made.appid}`, '[data-check=sending]'], ['/scenarios', 'tbody tr'], ['/scenarios/new/catalogue?from=order_shipped', '[data-part=look] textarea'], ['/scenarios/payment_success', '[data-part=try] form'],
  ['/templates', 'tbody tr'], [`/templates/${made.changedId}`, '[data-part=test] .phone-card'], ['/templates?tab=notices', 'tbody tr'], ['/templates?tab=applications', 'tbody tr'], ['/templates/applications/app_1', '.timeline'], ['/templates/applications/app_2', '[data-part=draft] .keyword'],
  ['/alerts?state=all', '[data-alert]'], ['/alerts?tab=rules', 'tbody tr'], ['/alerts?tab=rules&edit=success-rate', '[data-part=edit]'], ['/alerts?tab=channels&make=1', '[data-part=edit]'], ['/alerts?tab=notes', 'tbody tr'], ['/webhooks', 'tbody tr'], [`/webhooks/${made.hook}`, '[data-part=deliveries] tbody tr'],
  ['/recipients', '[data-part=list] tbody tr'], [`/recipients?touser=${here.openids[0]}`, '[data-part=why]'],
  ['/compliance', '.approval mark'], ['/compliance?tab=report', '.facts'], ['/compliance?tab=risk', '[data-part=risk] tbody tr'], ['/compliance?tab=brakes', '.empty'], ['/compliance?tab=blocked', '.empty'], ['/compliance?tab=complaints', 'tbody tr'], ['/compliance?tab=words', 'textarea.code'], ['/compliance/rules', '[data-rule=brake]'], [`/compliance/rules?appid=${made.appid}&category=marketing&edit=reach`, '[data-part=edit]'], ['/compliance/rules?edit=frequency', '[data-part=edit]'],
  ['/developers', 'tbody tr'], ['/developers?tab=requests', 'tbody tr'], ['/developers?tab=api&tag=messages', 'tbody tr'], ['/developers?tab=api&op=POST%20/api/v1/messages', '[data-part=call]'], ['/developers?tab=api&op=GET%20/api/v1/messages', '[data-part=call] input'], ['/developers?tab=wechat', '[data-part=wechat] .badge'], ['/recipients?touser=oNobody_0000000000000000000', '[data-part=stranger]'],
  ['/admin?tab=health', '[data-check=store]'], ['/admin?tab=settings', 'tbody tr'], ['/admin', 'tbody tr'], ['/admin?tab=sessions', 'tbody tr'], ['/admin?tab=audit', 'tbody tr'],
];

for (const language of ['zh', 'en']) {
  for (const width of [390, 1440]) {
    test(`every page of daily work is whole in ${language} at ${width} px`, async () => {
      const { page, context, faults } = await visit(here.browser, { state: made.state, language, width });
      await page.addInitScript((language) => localStorage.setItem('hongyan.language', language), language);
      for (const [place, ready] of PLACES()) {
        await page.goto(here.base + place);
        await page.locator(ready).first().waitFor();
        await page.locator('[role=status]').filter({ hasText: /加载中|Loading/ }).first().waitFor({ state: 'detached' });
        assert.equal(await overflow(page), 0, `${place} is wider than the window`);
        assert.deepEqual(faults, [], place);
        assert.deepEqual(await barriers(page, faults), [], place);
        assert.deepEqual(await page.evaluate(() => window.hongyanLoneWords()), [], place);
        const raw = await page.locator('main').evaluate((main) => main.innerText);
        assert.doesNotMatch(raw, /\b(accounts?|scenarios?|catalogue|recipients|compliance|approvals|report|risk|brakes|blocked|complaints|wordlist|developers|keys|requests|audit|explorer|why|would|policy|policies|ruleedit|rulelist|source|health|settings|time|admin|nav|word|act|interaction|reason|signal|templates?|library|notices|applications?|draft|answer|fill|kind|fits|alerts|found|rules|measure|metric|channels|notes|webhooks?)\.(?!delete|remove|move|grant|replay|create|put|pause|resume|change|add|sync|revoke)[a-z_]+\b(?!@)/, place);
        if (process.env.HONGYAN_PICTURES) await page.screenshot({ path: `${process.env.HONGYAN_PICTURES}/${place.replace(/\W+/g, '_')}-${language}-${width}.png`, fullPage: true });
      }
      assert.equal(await page.locator('img[src=x]').count(), 0, 'text became markup');
      await context.close();
    });
  }
}
