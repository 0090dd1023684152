// Pictures of each page for the docs: `./check screenshots` writes them to docs/images.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { visit, world } from './world.mjs';

const folder = process.argv[2] || 'images';
mkdirSync(folder, { recursive: true });
const here = await world({ template: { title: '订单支付成功通知', content: '商品：{{thing1.DATA}}\n时间：{{time2.DATA}}' } });
try {
  const call = async (path, body, headers = {}) => {
    const response = await fetch(here.base + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
    return { cookie: response.headers.get('set-cookie'), ...(response.status === 204 ? {} : await response.json()) };
  };
  const token = new URL(here.setupLink).searchParams.get('token');
  const setup = await call('/api/v1/setup', { token, name: 'admin', password: 'correct horse 7', key: true });
  const key = { authorization: `Bearer ${setup.key}` };
  const { appid, secret, token: callback, aes_key } = here.account;
  await call('/api/v1/accounts', { appid, secret, name: '咖啡店', kind: 'service', callback: { token: callback, aes_key } }, key);
  await call(`/api/v1/accounts/${appid}/templates/sync`, {}, key);
  const application = await call(`/api/v1/accounts/${appid}/applications`, { title: '课程变更通知', industry: 17, keywords: [{ name: '课程名称', type: 'thing' }, { name: '上课时间', type: 'time' }], sample: { 课程名称: '英语口语', 上课时间: '2026-11-23 15:00' } }, key);
  const webhook = await call('/api/v1/webhooks', { name: '订单中心', url: here.receiver.url }, key);
  await call(`/api/v1/webhooks/${webhook.id}/test`, {}, key);
  const message = (n, touser) => ({
    appid, touser, template_id: here.templateId, client_msg_id: `order-${n}-paid`, basis: 'payment', data: { thing1: { value: `拿铁 ${n}` }, time2: { value: '2026-11-23 12:00' } },
  });
  const messages = Array.from({ length: 12 }, (_, n) => message(n, n % 5 === 4 ? 'oNobody_0000000000000000000' : here.openids[n % here.openids.length]));
  const { results } = await call('/api/v1/messages/batch', { messages }, key);
  const [name, value] = setup.cookie.split(';')[0].split('=');
  const state = { cookies: [{ name, value, domain: '127.0.0.1', path: '/', expires: -1, httpOnly: true, secure: false, sameSite: 'Strict' }], origins: [] };
  const pages = [['overview', '/', '.causes'], ['messages', '/messages', 'tbody tr'], ['message', `/messages/${results[0].id}`, '.phone-title'], ['start', `/start?appid=${appid}`, '[data-check=sending]'], ['connect', '/start?appid=new', '[data-part=connect] form'], ['me', '/me', 'tbody tr'],
    ['templates', '/templates', 'tbody tr'], ['template', `/templates/${here.templateId}`, '.phone-card'], ['application', `/templates/applications/${application.id}`, '.keyword'], ['alert-rules', '/alerts?tab=rules', 'tbody tr'], ['webhook', `/webhooks/${webhook.id}`, 'tbody tr']];
  for (const language of ['zh', 'en']) {
    for (const [width, dark] of [[1440, false], [390, false], [1440, true]]) {
      if (dark && language === 'en') continue;
      const { page, context } = await visit(here.browser, { language, width, dark, state });
      await page.addInitScript((language) => localStorage.setItem('hongyan.language', language), language);
      for (const [file, path, ready] of pages) {
        await page.goto(here.base + path);
        await page.locator(ready).first().waitFor();
        await page.screenshot({ path: join(folder, `${file}-${language}-${width}${dark ? '-dark' : ''}.png`), fullPage: true });
      }
      await context.close();
    }
  }
} finally {
  await here.end();
}
