// Some days of traffic in some minutes: server and simulator see a clock that this moves (libfaketime), so that pictures show charts with a past.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1'];
const HOUR_S = 3600;
const DAYS = 8;
/** Messages of an hour, by hour of Shanghai's day, and times how many. */
const BY_HOUR = [4, 2, 1, 1, 2, 5, 12, 26, 48, 62, 70, 84, 96, 74, 60, 58, 64, 78, 92, 104, 88, 52, 26, 10];
const AS_MANY = 2;
const TRIES = 250;
/** Of what came, so much is tapped at once. */
const TAPPED = 0.17;
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50';
const GOODS = ['拿铁', '美式', '摩卡', '卡布奇诺', '抹茶拿铁', '手冲耶加雪菲', '燕麦拿铁', '冷萃'];

/** A clock that can be set: `{env, set(seconds before now)}`; without the library it stays at the machine's. */
export function clock() {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (!library) return { env: {}, set: () => {}, moves: false };
  const file = join(mkdtempSync(join(tmpdir(), 'hongyan-clock-')), 'offset');
  const set = (seconds) => writeFileSync(file, `-${Math.round(seconds)}`);
  set(DAYS * 24 * HOUR_S);
  return { env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' }, set, moves: true };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hourAt = (before) => new Date(Date.now() - before * 1000 + 8 * HOUR_S * 1000).getUTCHours();
/** Always the same, so that pictures are alike from one time to the next. */
const noise = (n) => ((n * 7919) % 97) / 97;

/**
 * Lives through the days: sends by the hour, then, after `between()`, the last hour by the minute.
 * `shop`: `{call, base, wechat, appid, openids, message(n, at)}`.
 */
export async function live(time, shop, between) {
  if (!time.moves) {
    await between();
    return send(shop, 0, 60, new Date());
  }
  let n = 0;
  const step = async (before, count) => {
    time.set(before);
    await send(shop, n, count, new Date(Date.now() - before * 1000));
    n += count;
  };
  for (let before = DAYS * 24 * HOUR_S; before > HOUR_S; before -= HOUR_S) await step(before, Math.ceil(AS_MANY * BY_HOUR[hourAt(before)] * (0.8 + 0.4 * noise(before / 60))));
  await between();
  const aMinute = (AS_MANY * BY_HOUR[hourAt(0)]) / 60;
  for (let before = HOUR_S; before > 0; before -= 60) await step(before, Math.ceil(aMinute * (0.5 + noise(before / 60))));
  time.set(0);
}

/** Sends so many, and goes on when nothing is on its way any more: the clock is not to move under a message. */
async function send(shop, from, count, at) {
  const messages = Array.from({ length: count }, (_, nth) => shop.message(from + nth, at));
  await shop.call('POST', '/api/v1/messages/batch', { messages });
  const isOver = async (state) => !(await shop.call('GET', `/api/v1/messages?appid=${shop.appid}&state=${state}&since=${at.toISOString()}&limit=1`)).messages.length;
  for (const state of ['pending', 'claimed', 'sent']) {
    // What a rule holds for hours is not waited for.
    for (let tries = 0; tries < TRIES && !(await isOver(state)); tries += 1) await pause(20);
  }
  await tap(shop, from, Math.ceil(count * TAPPED));
}

/** So many people tap what came last. */
async function tap({ base, wechat, openids }, from, count) {
  for (let nth = 0; nth < count; nth += 1) {
    const { messages } = await (await fetch(`${wechat}/_sim/phone/${openids[(from + nth * 7) % openids.length]}`)).json();
    const link = messages.at(-1)?.url;
    if (link?.includes('/l/')) await fetch(base + new URL(link).pathname, { redirect: 'manual', headers: { 'user-agent': PHONE, accept: 'text/html', 'accept-language': 'zh-CN' } });
  }
}

/** What a shop sells, the n-th. */
export const goods = (n) => GOODS[n % GOODS.length];
