// From nothing to a delivered message, as a person walks it; then every page in both languages and widths.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { barriers, overflow, visit, world } from './world.mjs';

/** What a template's title, a message's fields and a link could carry. */
const XSS = '<img src=x onerror=alert(1)>"\'><script>alert(2)</script>{{7*7}}';
const PASSWORD = 'correct horse 7';
let here;
let state;
let path;

before(async () => {
  here = await world({ template: { title: `支付成功${XSS}`, content: '商品：{{thing1.DATA}}\n时间：{{time2.DATA}}' } });
});
after(() => here?.end());

test('set-up from zero leads to a delivered message', async () => {
  const { page, context, faults } = await visit(here.browser);
  await page.goto(here.setupLink);
  await page.getByLabel('密码').fill('short');
  await page.getByRole('button', { name: '创建并登录' }).click();
  await page.locator('.fault', { hasText: '10' }).waitFor();
  await page.getByLabel('密码').fill(PASSWORD);
  await page.getByRole('button', { name: '创建并登录' }).click();
  await page.getByLabel('AppID').fill(here.account.appid);
  assert.equal(page.url().includes('token='), false);
  await page.getByLabel('AppSecret').fill(here.account.secret);
  await page.getByLabel('名称').fill('咖啡店');
  await page.getByLabel('回调 Token').fill(here.account.token);
  await page.getByLabel('EncodingAESKey').fill(here.account.aes_key);
  await page.getByRole('button', { name: '接入', exact: true }).click();
  await page.locator('[data-check=token] .badge.good').waitFor();
  // WeChat calls for what people do; that is no receipt yet.
  const did = await fetch(`${here.wechat}/_sim/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ appid: here.account.appid, openid: here.openids[0], kind: 'text' }) });
  assert.equal(did.status, 200);
  await page.locator('[data-check=receipt] .badge.calm').waitFor();
  await page.locator('[data-check=receipt]').getByText('但还没有消息的回执').waitFor();
  await page.getByLabel('接收者 openid').fill(here.openids[0]);
  await page.getByLabel(/thing1/).fill('拿铁<b>');
  await page.getByLabel(/time2/).fill('2026-11-23 12:00');
  await page.locator('.phone-card').getByText('拿铁<b>').waitFor();
  await page.getByRole('button', { name: '发送并查看经过' }).click();
  await page.locator('h1', { hasText: '消息' }).waitFor();
  await page.locator('header .badge[data-state=delivered]').waitFor();
  await page.locator('.timeline').getByText('受理').waitFor();
  await page.getByRole('link', { name: '接入', exact: true }).click();
  await page.locator('[data-check=receipt] .badge.good').waitFor();
  await page.locator('[data-check=receipt]').getByRole('link', { name: '收到消息的回执' }).click();
  await page.locator('header .badge[data-state=delivered]').waitFor();
  path = new URL(page.url()).pathname;
  state = await context.storageState();
  assert.deepEqual(faults, []);
  await context.close();
});

test('the message is found again by its person, and its number leads to its rows', async () => {
  const { page, context, faults } = await visit(here.browser, { state });
  await page.goto(`${here.base}/messages`);
  await page.getByLabel('接收者').fill(here.openids[0]);
  await page.getByRole('button', { name: '查询' }).click();
  await page.waitForURL(/touser=/);
  await page.locator('tbody tr').first().getByRole('link').first().click();
  await page.waitForURL(`**${path}`);
  await page.getByRole('link', { name: '总览' }).click();
  await page.locator('[data-step=delivered]').getByRole('link').click();
  await page.waitForURL(/state=delivered/);
  await page.locator('tbody tr').first().waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

for (const language of ['zh', 'en']) {
  for (const width of [390, 1440]) {
    test(`every page is whole in ${language} at ${width} px`, async () => {
      const { page, context, faults } = await visit(here.browser, { state, language, width });
      await page.addInitScript((language) => localStorage.setItem('hongyan.language', language), language);
      for (const [place, ready] of [['/', '.account'], ['/messages', 'tbody tr'], [path, '.phone-title'], ['/start', '[data-check=sending]'], ['/start?appid=new', '[data-part=connect] form'], ['/no/such/page', '.empty'], ['/me', 'tbody tr']]) {
        await page.goto(here.base + place);
        await page.locator(ready).first().waitFor();
        assert.equal(await overflow(page), 0, `${place} is wider than the window`);
        assert.deepEqual(faults, [], place);
        assert.deepEqual(await barriers(page, faults), [], place);
        assert.deepEqual(await page.evaluate(() => window.hongyanLoneWords()), [], place);
        const raw = await page.locator('main').innerText();
        assert.doesNotMatch(raw, /\b(messages|message|overview|start|me|word|act|app)\.[a-z_]+\b/, place);
      }
      assert.equal(await page.locator('img[src=x]').count(), 0, 'text became markup');
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}

test('whoever is not logged in logs in and comes to where they wanted', async () => {
  const { page, context, faults } = await visit(here.browser, { language: 'en' });
  await page.goto(`${here.base}/messages?state=delivered`);
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password').fill('wrong password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').waitFor();
  assert.deepEqual(await barriers(page, faults), []);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(/messages\?state=delivered/);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL(/login/);
  assert.deepEqual(faults, []);
  await context.close();
});
