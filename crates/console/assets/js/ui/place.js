// What pages of one account share: the choice of the account, and parts of a page that have an address each.
import { html } from '../lib.js';
import { api, url } from '../api.js';
import { t } from '../i18n.js';
import { useData } from '../live.js';
import { Link, usePlace, useQuery } from '../router.js';
import { Empty, Head, Loading, Trouble } from './basic.js';

/** Parts of a page: `tabs`: `[[word, text]]`; the first stands for an address without one. Filters of the others are left. */
export function Tabs({ tabs, keep = [] }) {
  const { path, query } = usePlace();
  const kept = Object.fromEntries(keep.map((name) => [name, query[name]]));
  const here = query.tab || tabs[0][0];
  return html`<nav class="tabs" aria-label=${t('nav.parts')}>${tabs.map(([word, text]) => html`<${Link} key=${word} href=${url(path, { ...kept, tab: word })} aria-current=${word === here ? 'page' : undefined}>${text}<//>`)}</nav>`;
}

/** A page about one account, which the address names; `children(account)` is the rest. Without an account: the way to one. */
export function AccountPage({ title, note, acts, children }) {
  const [query, set] = useQuery();
  const { data, problem, again } = useData((signal) => api.get('/api/v1/accounts', { limit: 500 }, signal), []);
  const accounts = data?.accounts || [];
  const account = accounts.find(({ appid }) => appid === query.appid) || accounts[0];
  const choice = accounts.length > 1 && html`<label class="filter"><span>${t('word.account')}</span><select name="appid" value=${account.appid} onChange=${(event) => set({ appid: event.target.value })}>
    ${accounts.map(({ appid, name }) => html`<option key=${appid} value=${appid} selected=${appid === account.appid}>${name}</option>`)}</select></label>`;
  const rest = () => {
    if (!data) return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} />`;
    return account ? children(account) : html`<${Empty} title=${t('place.no_account')}><${Link} class="button primary" href="/start">${t('place.connect')}<//><//>`;
  };
  return html`<${Head} title=${title} note=${note}>${choice}${account && acts?.(account)}<//>${rest()}`;
}
