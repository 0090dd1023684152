// A request of the API as a command, with what the reader has: their address, account, template, and a key just made.
import { html } from '../lib.js';
import { useTemplates } from '../known.js';
import { useMe } from '../me.js';
import { Command } from './basic.js';
import { samples } from './kinds.js';

/** What stands for a key that is not at hand; the shell puts it in. */
export const KEY = '$HONGYAN_KEY';

/** For a shell: in single quotes, whatever it holds. */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** `body`: an object or nothing. */
export function curl({ base, method, path, key = KEY, body }) {
  const parts = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(`${base}${path}`)}`, `-H "Authorization: Bearer ${key}"`,
    ...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(body))}`]),
  ];
  return parts.join(' \\\n  ');
}

/** A first message by the account's first template. */
export function SendCurl({ account, keyText }) {
  const me = useMe();
  const template = Object.values(useTemplates(account?.appid))[0];
  const values = template ? samples(template) : { thing1: '…' };
  const data = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value: value || '…' }]));
  const body = { appid: account?.appid || 'APPID', touser: 'OPENID', template_id: template?.template_id || 'TEMPLATE_ID', data };
  return html`<${Command}>${curl({ base: me.public_url || location.origin, method: 'POST', path: '/api/v1/messages', key: keyText, body })}<//>`;
}
