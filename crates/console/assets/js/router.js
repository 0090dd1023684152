// The address bar is the state: paths name pages and rows, the query holds every filter.
import { html, useEffect, useState } from './lib.js';

const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());
addEventListener('popstate', tell);

/** Goes to a path of the console. */
export function go(path, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  tell();
  if (!replace) scrollTo(0, 0);
}

/** The place shown: `{path, query}`; shows the component anew when it changes. */
export function usePlace() {
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = () => turn((n) => n + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return { path: location.pathname, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

/** The query and a way to change it: `set({state: 'failed'})` keeps the rest and begins at the first page. */
export function useQuery() {
  const { path, query } = usePlace();
  const set = (change, options) => {
    const next = { ...query, cursor: '', ...change };
    const pairs = Object.entries(next).filter(([, value]) => value !== '' && value !== undefined && value !== null);
    const text = new URLSearchParams(pairs).toString();
    go(text ? `${path}?${text}` : path, options);
  };
  return [query, set];
}

/** A link that does not load the page anew; with a modifier key it is an ordinary link. */
export function Link({ href, children, ...rest }) {
  const click = (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return html`<a href=${href} onClick=${click} ...${rest}>${children}</a>`;
}
