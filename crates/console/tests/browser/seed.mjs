// An installation with something on every page: set up by the API, which can do whatever the pages do.

export const PASSWORD = 'correct horse 7';

/** `{state, appid, held, changedId, call}`: the browser's cookies, what was made, and a way to call the API by key. */
export async function seed(here, { mark = '' } = {}) {
  const ask = async (method, path, body, headers = {}) => {
    const response = await fetch(new URL(path, here.base), { method, headers: { 'content-type': 'application/json', ...headers }, body: method === 'GET' ? undefined : JSON.stringify(body ?? {}) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return { cookie: response.headers.get('set-cookie'), body: text ? JSON.parse(text) : null };
  };
  const token = new URL(here.setupLink).searchParams.get('token');
  const setup = await ask('POST', '/api/v1/setup', { token, name: 'admin', password: PASSWORD, key: true });
  const call = async (method, path, body) => (await ask(method, path, body, { authorization: `Bearer ${setup.body.key}` })).body;
  const { appid, secret, token: callback, aes_key } = here.account;
  await call('POST', '/api/v1/accounts', { appid, secret, name: '咖啡店', kind: 'service', callback: { token: callback, aes_key } });
  await call('POST', `/api/v1/accounts/${appid}/templates/sync`);
  await call('PUT', '/api/v1/words', { list: '全网最低,advertising_law,hold\n稳赚不赔,fraud,refuse\n特惠,marketing,note\n', pinyin: 'off' });
  const message = (n, thing) => ({
    appid, touser: here.openids[n % here.openids.length], template_id: here.templateId, client_msg_id: `order-${n}-paid`, basis: 'payment', data: { thing1: { value: thing }, time2: { value: '2026-11-23 12:00' } },
  });
  for (const n of [1, 2]) await call('POST', '/api/v1/messages', message(n, `拿铁${mark} ${n}`));
  const held = [];
  for (const n of [3, 4, 5]) held.push((await call('POST', '/api/v1/messages', message(n, `全网最低 ${n}`))).id);
  await call('POST', '/api/v1/suppressions', { appid, tousers: [here.openids[2]], reason: 'opted_out' });
  await call('POST', '/api/v1/complaints', { appid, template_id: here.templateId, kind: 'unwanted', reference: 'ticket-7' });
  // A template that somebody changed in WeChat's console between two syncs.
  const atWeChat = (path, body) => ask('POST', `${here.wechat}/_sim/${path}`, body);
  const refund = { appid, title: `退款到账通知${mark}`, content: '退款金额：{{amount1.DATA}}\n商品：{{thing2.DATA}}' };
  const { template_id: changedId } = (await atWeChat('templates', refund)).body;
  await call('POST', `/api/v1/accounts/${appid}/templates/sync`);
  await atWeChat('templates', { ...refund, template_id: changedId, content: `${refund.content}\n到账时间：{{time3.DATA}}` });
  await call('POST', `/api/v1/accounts/${appid}/templates/sync`);
  await call('POST', '/api/v1/alerts/channels', { id: 'ops', name: '运维', kind: 'webhook', url: here.receiver.url });
  // An answer that a ready rule looks for: the alert stands at the next look, within a minute.
  await atWeChat('faults', { errcodes: [{ errcode: 43002, rate: 1 }] });
  const { id } = await call('POST', '/api/v1/messages', { ...message(6, '美式'), touser: here.openids[0] });
  while ((await call('GET', `/api/v1/messages/${id}`)).state !== 'failed');
  await atWeChat('faults', {});
  const [name, value] = setup.cookie.split(';')[0].split('=');
  const state = { cookies: [{ name, value, domain: '127.0.0.1', path: '/', expires: -1, httpOnly: true, secure: false, sameSite: 'Strict' }], origins: [] };
  return { state, appid, held, changedId, call };
}
