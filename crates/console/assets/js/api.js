// The public JSON API, and the only way any page reads or changes something.
import { lang, t } from './i18n.js';
import { onClock } from './clock.js';

/** A problem+json, thrown: `code`, `detail`, `status`, and `errors` by field. */
export class Problem extends Error {
  constructor(status, body) {
    super(onClock(body.detail || body.title || t('form.failed')));
    Object.assign(this, { status, code: body.code || '', body, errors: (body.errors || []).map((error) => ({ ...error, message: onClock(error.message) })) });
  }

  /** What is said of one field. */
  of(field) {
    return this.errors.filter((error) => error.field === field).map((error) => error.message).join('；');
  }
}

const listeners = new Set();

/** Calls back when the session has ended. */
export function onLoggedOut(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Tells everybody that the session has ended. */
export const loggedOut = () => listeners.forEach((listener) => listener());

async function call(method, path, body, signal) {
  const headers = { 'accept-language': lang(), accept: 'application/json' };
  // Also without a body: it tells the server that no form of another site sent this.
  if (method !== 'GET') headers['content-type'] = 'application/json';
  const sent = method === 'GET' || body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, { method, headers, body: sent, signal, credentials: 'same-origin' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { code: 'unreachable', detail: t('app.offline') });
  }
  const text = await response.text();
  const answer = text ? parse(text) : null;
  if (response.ok) return answer;
  if (response.status === 401 && !['login_failed', 'totp_needed'].includes(answer?.code)) loggedOut();
  throw new Problem(response.status, answer || {});
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 200) };
  }
}

/** A path with a query; what is empty is left out. */
export function url(path, query) {
  const pairs = Object.entries(query || {}).filter(([, value]) => value !== '' && value !== undefined && value !== null);
  const text = new URLSearchParams(pairs).toString();
  return text ? `${path}?${text}` : path;
}

export const api = {
  get: (path, query, signal) => call('GET', url(path, query), undefined, signal),
  post: (path, body) => call('POST', path, body),
  put: (path, body) => call('PUT', path, body),
  patch: (path, body) => call('PATCH', path, body),
  delete: (path, body) => call('DELETE', path, body),
};
