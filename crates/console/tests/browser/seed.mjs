// An installation with something on every page: set up by the API, which can do whatever the pages do.

const PASSWORD = 'correct horse 7';

/** `{state, appid, held, call}`: the browser's cookies, what was made, and a way to call the API by key. */
export async function seed(here, { mark = '' } = {}) {
  const ask = async (method, path, body, headers = {}) => {
    const response = await fetch(here.base + path, { method, headers: { 'content-type': 'application/json', ...headers }, body: method === 'GET' ? undefined : JSON.stringify(body ?? {}) });
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
  const [name, value] = setup.cookie.split(';')[0].split('=');
  const state = { cookies: [{ name, value, domain: '127.0.0.1', path: '/', expires: -1, httpOnly: true, secure: false, sameSite: 'Strict' }], origins: [] };
  return { state, appid, held, call };
}
