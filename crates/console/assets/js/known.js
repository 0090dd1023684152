// What many pages look up: accounts and their templates, asked for once and kept for a minute.
import { useEffect, useState } from './lib.js';
import { api } from './api.js';
import { said } from './i18n.js';

const KEPT_MS = 60000;
const kept = new Map();

function once(path, load) {
  const known = kept.get(path);
  if (known && Date.now() - known.at < KEPT_MS) return known.answer;
  const answer = load();
  kept.set(path, { at: Date.now(), answer });
  answer.catch(() => kept.delete(path));
  return answer;
}

/** Forgets what was kept: after a change of accounts or templates. */
export const forget = () => kept.clear();

function useOnce(path, load, nothing) {
  const [value, show] = useState(nothing);
  useEffect(() => {
    let gone = false;
    if (path) once(path, load).then((value) => !gone && show(value), () => {});
    return () => {
      gone = true;
    };
  }, [path]);
  return value;
}

/** Stands for the accounts until they are known. */
export const ASKED = [];

/** The accounts that the user may see: the first 500; `ASKED` at first. */
export const useAccounts = () => useOnce('/api/v1/accounts', async () => (await api.get('/api/v1/accounts', { limit: 500 })).accounts, ASKED);

/** Names of WeChat's industries in the reader's language, as templates and accounts have them: `(first, second, code)`. */
export function useIndustries() {
  const table = useOnce('/api/v1/industries', async () => (await api.get('/api/v1/industries')).industries, []);
  return (first, second, code) => {
    const known = table.find((one) => one.code === code || one.secondary_zh === second);
    const names = known ? [said({ zh: first, en: known.primary_en }), said({ zh: second, en: known.secondary_en })] : [first, second];
    return names.filter(Boolean).join(' / ');
  };
}

const templatesPath = (appid) => `/api/v1/accounts/${appid}/templates`;
const templatesOf = async (appid) => Object.fromEntries((await api.get(templatesPath(appid))).templates.map((template) => [template.template_id, template]));

/** An account's templates by id: `{id: {title, content, fields, …}}`. */
export const useTemplates = (appid) => useOnce(appid && templatesPath(appid), () => templatesOf(appid), {});

/** The templates of several accounts, by id. */
export function useTemplatesOf(appids) {
  const each = [...new Set(appids)].sort();
  const all = async () => Object.assign({}, ...(await Promise.all(each.map((appid) => once(templatesPath(appid), () => templatesOf(appid))))));
  return useOnce(each.length > 0 && each.map(templatesPath).join(' '), all, {});
}
