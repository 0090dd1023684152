// Traffic for the pages that show numbers: two accounts, messages that arrive, fail, wait and are tapped.
import { seed } from './seed.mjs';

/** Links lead to it from outside; the walks follow them at the server's own address. */
export const PUBLIC_URL = 'https://hongyan.example.com';
const OTHER = 'wx00000000000000bb';
const FAILING = 3;
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50';
const HOUR_MS = 3600000;

async function at(url, body) {
  const response = await fetch(url, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Asks until the answer fits: what is counted a moment later. */
export async function until(ask, fits) {
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** As `seed`, with a second account that stands still and a day's traffic: `{…, other, delivered, failed, waiting}`. */
export async function traffic(here) {
  const made = await seed(here, { mark: '<b>' });
  const { call, appid } = made;
  await at(`${here.wechat}/_sim/accounts`, { appid: OTHER, secret: here.account.secret, kind: 'service' });
  await at(`${here.wechat}/_sim/templates`, { appid: OTHER, title: '到店提醒', content: '门店：{{thing1.DATA}}\n时间：{{time2.DATA}}' });
  const { openids } = await at(`${here.wechat}/_sim/followers`, { appid: OTHER, count: 1 });
  await call('POST', '/api/v1/accounts', { appid: OTHER, secret: here.account.secret, name: '花店', kind: 'service' });
  const { templates } = await call('POST', `/api/v1/accounts/${OTHER}/templates/sync`).then(() => call('GET', `/api/v1/accounts/${OTHER}/templates`));
  const message = (n, more) => ({
    appid, touser: here.openids[n % 2], template_id: here.templateId, client_msg_id: `day-${n}`, basis: 'payment', url: `https://shop.example.com/orders/${n}`, track: true, data: { thing1: { value: `拿铁 ${n}` }, time2: { value: '2026-11-23 12:00' } }, ...more,
  });
  const many = (from, count, more = () => ({})) => Array.from({ length: count }, (_, n) => message(from + n, more(n)));
  const send = async (messages) => (await call('POST', '/api/v1/messages/batch', { messages })).results.map(({ id }) => id);
  const delivered = await send(many(100, 24));
  await until(() => call('GET', `/api/v1/messages/${delivered.at(-1)}`), ({ state }) => state === 'delivered');
  await at(`${here.wechat}/_sim/faults`, { appid, errcodes: [{ errcode: 47003, next: FAILING }] });
  const failed = await send(many(200, FAILING, () => ({ track: false })));
  await send([message(210, { touser: 'oNobody_0000000000000000000', track: false })]);
  await call('POST', `/api/v1/accounts/${OTHER}/pause`, { reason: '盘点' });
  const waits = { appid: OTHER, touser: openids[0], template_id: templates[0].template_id, track: false, url: undefined };
  const waiting = await send([...many(300, 5, () => ({ ...waits, lane: 'bulk' })), message(305, { ...waits, lane: 'urgent' })]);
  await send([message(400, { lane: 'normal', track: false, send_at: new Date(Date.now() + HOUR_MS).toISOString() })]);
  await until(() => call('GET', `/api/v1/messages/${failed.at(-1)}`), ({ state }) => state === 'failed');
  await tap(here, 6);
  await until(() => call('GET', `/api/v1/stats/clicks?appid=${appid}`), ({ rows }) => rows.some(({ clicked }) => clicked > 5));
  return { ...made, other: OTHER, delivered, failed, waiting, message, send };
}

/** The first follower taps so many messages on the phone. */
async function tap(here, count) {
  const { messages } = await at(`${here.wechat}/_sim/phone/${here.openids[0]}`);
  const links = messages.map(({ url }) => url).filter((url) => url?.startsWith(PUBLIC_URL)).slice(0, count);
  for (const link of links) await fetch(here.base + new URL(link).pathname, { redirect: 'manual', headers: { 'user-agent': PHONE, accept: 'text/html', 'accept-language': 'zh-CN' } });
}
