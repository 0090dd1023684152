// The real binary and the simulator, started for one walk, and a browser that notes whatever goes wrong.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import AxeBuilder from '@axe-core/playwright';

const BINARY = process.env.HONGYAN_BINARY || 'hongyan';
const CHROMIUM = process.env.HONGYAN_CHROMIUM || '/usr/bin/chromium';
/** While writing pages: the files of this folder in place of those in the binary, which then need not be built anew. */
const ASSETS = process.env.HONGYAN_ASSETS;
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const APPID = 'wx00000000000000aa';
const ACCOUNT = { appid: APPID, secret: '5ec2e7'.padEnd(32, '0'), token: 'callbackToken7', aes_key: 'k'.repeat(42) + 'A' };

/** Starts `hongyan …` and resolves with the first line of its output that is JSON and has `key`. */
function start(args, env, key) {
  const child = spawn(BINARY, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const told = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      try {
        const value = JSON.parse(line);
        if (key in value) resolve(value);
      } catch { /* another line */ }
    });
    // Too late for whoever was told already.
    child.on('exit', (code) => reject(new Error(`hongyan ${args[0]} ended with ${code}`)));
  });
  return { child, told };
}

function fromFolder(route) {
  const { pathname } = new URL(route.request().url());
  if (!pathname.startsWith('/assets/') && route.request().resourceType() !== 'document') return route.continue();
  const name = pathname.startsWith('/assets/') ? pathname.slice('/assets/'.length) : 'index.html';
  const body = readFileSync(join(ASSETS, name));
  return route.fulfill({ body, headers: { 'content-type': TYPES[name.split('.').pop()], 'content-security-policy': POLICY } });
}

async function post(url, body) {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Somebody who is told things: `came` has each body, `answer` is what is said to the next. */
async function receive() {
  const receiver = { came: [], answer: { status: 200, body: '{"errcode":0,"code":0}' } };
  receiver.server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    receiver.came.push({ path: request.url, headers: request.headers, body: JSON.parse(text) });
    response.writeHead(receiver.answer.status, { 'content-type': 'application/json' }).end(receiver.answer.body);
  });
  await new Promise((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${receiver.server.address().port}/told`;
  return receiver;
}

/** Everything that is needed, and `end()`. `template`: `{title, content}`; `env`: settings besides the usual; `clock`: the environment of both processes. */
export async function world({ template, env: more = {}, clock = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-browser-'));
  const simulator = start(['simulate', '--listen', '127.0.0.1:0', '--json'], clock, 'listening');
  const wechat = `http://${(await simulator.told).listening}`;
  const receiver = await receive();
  const env = {
    HONGYAN_STORE__URL: `sqlite:${folder}/hongyan.db`, HONGYAN_SECRETS__MASTER_KEY_FILE: `${folder}/master.key`,
    HONGYAN_HTTP__LISTEN: '127.0.0.1:0', HONGYAN_WECHAT__API_BASE: wechat, HONGYAN_LOG__LEVEL: 'warn',
    HONGYAN_OUTGOING__ALLOW: '127.0.0.1', ...clock, ...more,
  };
  const server = start(['serve', '--json'], env, 'setup_link');
  const { listening, setup_link: setupLink } = await server.told;
  const base = `http://${listening}`;
  await post(`${wechat}/_sim/accounts`, { ...ACCOUNT, kind: 'service', callback_url: `${base}/callback/${APPID}` });
  const { template_id: templateId } = await post(`${wechat}/_sim/templates`, { appid: APPID, ...template });
  const { openids } = await post(`${wechat}/_sim/followers`, { appid: APPID, count: 3 });
  await post(`${wechat}/_sim/events`, { appid: APPID, openid: openids[0], kind: 'message' }).catch(() => {});
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] });
  const end = async () => {
    await browser.close();
    receiver.server.close();
    receiver.server.closeAllConnections();
    for (const { child } of [server, simulator]) {
      const gone = new Promise((resolve) => child.on('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  return { base, wechat, setupLink: base + new URL(setupLink).pathname + new URL(setupLink).search, account: ACCOUNT, templateId, openids, receiver, browser, end };
}

/** A page that notes console errors, failed scripts and dialogs in `faults`. */
export async function visit(browser, { language = 'zh', width = 1440, state, dark = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 900 }, locale: language === 'zh' ? 'zh-CN' : 'en-GB', timezoneId: 'Asia/Shanghai',
    storageState: state, colorScheme: dark ? 'dark' : 'light',
  });
  if (ASSETS) await context.route((url) => !url.pathname.startsWith('/api/'), fromFolder);
  // A bound, not a wait: a busy machine takes long for its first page.
  context.setDefaultTimeout(60000);
  context.setDefaultNavigationTimeout(60000);
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => {
    // What the API refuses is seen on the page; the browser writes a line for each as well.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('dialog', (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return { context, page, faults };
}

/** What axe finds that keeps people out. Its own styles break the page's policy: those faults are not the page's. */
export async function barriers(page, faults) {
  const before = faults.length;
  const { violations } = await new AxeBuilder({ page }).analyze();
  faults.length = before;
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

/** How far the page is wider than the window, in pixels. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
