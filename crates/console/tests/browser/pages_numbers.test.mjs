// The pages that show numbers, walked as an operator walks them; then each in both languages and widths.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { PUBLIC_URL, traffic } from './traffic.mjs';
import { barriers, overflow, visit, world } from './world.mjs';

let here;
let made;

before(async () => {
  here = await world({ template: { title: '订单支付成功通知', content: '商品：{{thing1.DATA}}\n时间：{{time2.DATA}}' }, env: { HONGYAN_HTTP__PUBLIC_URL: PUBLIC_URL } });
  made = await traffic(here);
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

/** What a canvas shows. */
const picture = (chart) => chart.locator('canvas').evaluate((canvas) => canvas.toDataURL());

/** A choice of the page's head. */
const pick = (page, name) => page.locator(`main select[name=${name}]`);

async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
}

test('a chart moves while messages flow, and the numbers beside it', () => walk('/', async (page) => {
  const chart = page.locator('[data-chart=rate]');
  await chart.locator('canvas').waitFor();
  const delivered = page.locator('[data-step=delivered] .count');
  const [before, count] = [await picture(chart), await delivered.innerText()];
  await made.send(Array.from({ length: 40 }, (_, n) => made.message(1000 + n)));
  await page.waitForFunction(([before]) => {
    const canvas = document.querySelector('[data-chart=rate] canvas');
    return canvas && canvas.toDataURL() !== before && Number(document.querySelector('[data-chart=rate] .reading strong').textContent) > 0;
  }, [before]);
  await page.waitForFunction(([before]) => document.querySelector('[data-step=delivered] .count').textContent !== before, [count]);
}));

test('the overview says what is wrong and each number leads to its rows', () => walk('/', async (page) => {
  await page.locator('.account').first().waitFor();
  assert.equal(await page.locator('.account').first().getAttribute('data-appid'), made.other, 'what stands still comes first');
  await page.locator('.account').first().getByText('盘点').waitFor();
  await page.locator('[data-figure=wrong]', { hasText: '1' }).waitFor();
  await page.locator('[data-part=errcodes]').getByText('47003', { exact: true }).waitFor();
  await page.locator('[data-part=errcodes] .cause-count').first().click();
  await page.waitForURL(/errcode=47003/);
  await page.locator('tbody tr').first().waitFor();
  await page.goBack();
  await page.locator('[data-part=charts]').getByRole('link', { name: '7 天' }).click();
  await page.waitForURL(/range=7d/);
  await page.locator('[data-chart=success] .reading strong', { hasText: '%' }).waitFor();
  await pick(page, 'appid').selectOption(made.other);
  await page.waitForURL(new RegExp(`appid=${made.other}`));
  await page.locator('[data-step=delivered] .count', { hasText: /^0$/ }).waitFor();
  assert.equal(await page.locator('.account').count(), 1);
}));

test('an account is paused with a reason and an end, its backlog is seen, and it is resumed', () => walk('/queue', async (page) => {
  const row = (name) => page.locator('[data-part=lanes] tbody tr', { hasText: name });
  await row('花店').locator('[data-lane=bulk] .waiting', { hasText: '5' }).waitFor();
  await row('花店').locator('[data-lane=urgent] .waiting', { hasText: '1' }).click();
  await page.waitForURL(/lane=urgent/);
  await page.goBack();
  await row('咖啡店').getByRole('button', { name: '暂停' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('核对库存');
  await dialog.getByLabel('暂停多久').selectOption('3600');
  await dialog.getByRole('button', { name: '暂停', exact: true }).click();
  await row('咖啡店').getByText('核对库存').waitFor();
  const { live } = await made.call('GET', `/api/v1/accounts/${made.appid}`);
  const left = (new Date(live.pause.until) - Date.now()) / 60000;
  assert.ok(left > 55 && left <= 60, `${left} minutes`);
  await row('咖啡店').getByRole('button', { name: '恢复' }).click();
  await row('咖啡店').getByText('核对库存').waitFor({ state: 'detached' });
}));

test('everything is held and released again', () => walk('/queue', async (page) => {
  await page.getByRole('button', { name: '全部停发' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('演练');
  await page.getByRole('dialog').getByRole('button', { name: '全部停发' }).click();
  await page.getByRole('alert').getByRole('button', { name: '恢复全部发送' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('演练结束');
  await page.getByRole('dialog').getByRole('button', { name: '恢复全部发送' }).click();
  await page.getByRole('alert').waitFor({ state: 'detached' });
  assert.equal((await made.call('GET', '/api/v1/hold')).held, false);
}));

test('counters are told apart by template and error code, and saved as a sheet', () => walk('/analytics', async (page) => {
  await pick(page, 'by').selectOption('template');
  await page.waitForURL(/by=template/);
  await pick(page, 'appid').selectOption(made.appid);
  const row = page.locator('[data-part=totals] tbody tr', { hasText: '订单支付成功通知' });
  await row.waitFor();
  const { name, text } = await saved(page, page.getByRole('button', { name: '下载 CSV' }));
  assert.match(name, /^hongyan-template-24h\.csv$/);
  assert.match(text.split('\r\n')[0], /^\ufeffat,.*订单支付成功通知 sent/);
  await pick(page, 'by').selectOption('errcode');
  await page.locator('[data-part=totals] tbody tr', { hasText: '47003' }).getByRole('link').click();
  await page.waitForURL(/errcode=47003/);
  await page.locator('tbody tr').first().waitFor();
}));

test('the click leaderboard stands beside the rates of industries', () => walk(`/analytics?tab=clicks&appid=${made.appid}`, async (page) => {
  const row = page.locator('[data-part=clicks] tbody tr', { hasText: '订单支付成功通知' });
  await row.locator('strong', { hasText: '%' }).waitFor();
  // The account's industry is 互联网/电子商务: its figure stands in the row and among the references.
  await row.getByText('18.7 %').waitFor();
  await page.locator('.facts div', { hasText: '零售' }).getByText('18.7 %').waitFor();
  const { text } = await saved(page, page.getByRole('button', { name: '下载 CSV' }));
  assert.match(text, /订单支付成功通知,\d+,6,/);
  await page.getByRole('link', { name: '时段热力图' }).click();
  await page.locator('.heat .heat-5').first().waitFor();
  assert.equal(await page.locator('.heat tbody td').count(), 7 * 24);
}));

test('a message that failed goes once more, and the two name each other', () => walk(`/messages/${made.failed[0]}`, async (page) => {
  await page.getByRole('button', { name: '再发一条' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '发送' }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(made.failed[0]));
  await page.locator('.timeline').getByText('再次发送：内容来自').waitFor();
  await page.locator('header .badge[data-state=delivered]').waitFor();
  await page.locator('.timeline').getByRole('link', { name: made.failed[0] }).click();
  await page.locator('.timeline').getByText('已再次发送为').waitFor();
  const { timeline } = await made.call('GET', `/api/v1/messages/${made.failed[0]}`);
  assert.equal(timeline.filter(({ what }) => what === 'resent').length, 1);
}));

test('what a person tapped is seen with the person', () => walk(`/recipients?touser=${here.openids[0]}&appid=${made.appid}`, async (page) => {
  const card = page.locator('[data-part=clicks]');
  await card.getByText('点击过 6 条').waitFor();
  await card.locator('tbody tr').first().getByRole('link').click();
  await page.locator('.timeline').getByText('点击').waitFor();
}));

const PLACES = () => [
  ['/', '.account'], [`/?appid=${made.appid}&range=24h`, '.account'], ['/queue', '[data-part=lanes] tbody tr'], ['/analytics', '[data-chart=lines] canvas'], [`/analytics?by=template&appid=${made.appid}&range=7d`, '[data-part=totals] tbody tr'],
  [`/analytics?by=errcode&range=1h`, '[data-part=totals] tbody tr'], [`/analytics?tab=clicks&appid=${made.appid}`, '[data-part=clicks] tbody tr'], ['/analytics?tab=clicks&by=variant', '.empty'], ['/analytics?tab=heat', '.heat'],
  [`/messages/${made.failed[0]}`, '.timeline'], [`/messages/${made.delivered[0]}`, '.timeline'], [`/recipients?touser=${here.openids[0]}&appid=${made.appid}`, '[data-part=clicks] tbody tr'],
];

for (const language of ['zh', 'en']) {
  for (const width of [390, 1440]) {
    test(`every page of numbers is whole in ${language} at ${width} px`, async () => {
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
        const raw = await page.locator('main').innerText();
        assert.doesNotMatch(raw, /\b(overview|funnel|strip|wrong|charts|queue|analytics|trend|clicks|heat|range|csv|message|what|recipients|word|act|cause)\.[a-z_0-9]+\b/, place);
        if (process.env.HONGYAN_PICTURES) await page.screenshot({ path: `${process.env.HONGYAN_PICTURES}/numbers${place.replace(/\W+/g, '_')}-${language}-${width}.png`, fullPage: true });
      }
      await context.close();
    });
  }
}
