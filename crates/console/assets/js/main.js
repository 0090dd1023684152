// The shell: who is logged in, the navigation, and the page that the address names.
import { html, render, useEffect, useState } from './lib.js';
import { api, onLoggedOut } from './api.js';
import { lang, lone, onLang, setLang, t } from './i18n.js';
import { MeContext, may } from './me.js';
import { Link, go, usePlace } from './router.js';
import { ROUTES, match } from './routes.js';
import { Confirm } from './ui/confirm.js';
import { Toasts } from './ui/toast.js';
import { Empty, Head, Loading, Trouble } from './ui/basic.js';

function useLanguage() {
  const [, turn] = useState(0);
  useEffect(() => onLang(() => turn((n) => n + 1)), []);
}

/** The page's component, loaded once. */
function usePage(route) {
  const [page, show] = useState(null);
  useEffect(() => {
    let gone = false;
    route?.load().then(
      (module) => !gone && show({ route, Page: module.default }),
      () => !gone && show({ route, problem: new Error(t('app.offline')) }),
    );
    return () => {
      gone = true;
    };
  }, [route]);
  return page?.route === route ? page : null;
}

function Language({ me }) {
  const other = lang() === 'zh' ? 'en' : 'zh';
  const choose = () => {
    setLang(other);
    // Kept for the next browser as well; where that fails, this one remembers it.
    if (me) api.patch('/api/v1/me', { language: other }).catch(() => {});
  };
  return html`<button type="button" class="plain" lang=${other === 'zh' ? 'zh-CN' : 'en'} onClick=${choose}>${t('app.language')}</button>`;
}

function Navigation({ path, me, leave }) {
  const items = ROUTES.filter((route) => route.nav && may(me, route.role || 'viewer'));
  const here = (route) => (route.path === '/' ? path === '/' : path === route.path || path.startsWith(`${route.path}/`));
  return html`<nav class="nav" aria-label=${t('nav.main')}>
    <${Link} href="/" class="brand"><img src="/assets/icon.svg" alt="" width="26" height="26" /><span>${t('app.name')}</span><//>
    <ul>${items.map((route) => html`<li key=${route.path}><${Link} href=${route.path} aria-current=${here(route) ? 'page' : undefined}>${t(route.nav)}<//></li>`)}</ul>
    <div class="nav-foot"><p class="who">${me.name}<span class="faint"> · ${t(`role.${me.role}`)}<br />${t('app.zone')}</span></p>
      <${Language} me=${me} /><button type="button" class="plain" onClick=${leave}>${t('app.logout')}</button></div></nav>`;
}

function Inside({ me, leave }) {
  const { path } = usePlace();
  const [menu, open] = useState(false);
  const found = match(path);
  const page = usePage(found?.route);
  useEffect(() => open(false), [path]);
  return html`<${MeContext.Provider} value=${me}><a class="skip" href="#main">${t('app.skip')}</a>
    <div class=${`frame ${menu ? 'menu-open' : ''}`}>
      <div class="bar"><button type="button" class="button small" aria-expanded=${menu} onClick=${() => open(!menu)}>${t('app.menu')}</button><strong>${t('app.name')}</strong></div>
      <${Navigation} path=${path} me=${me} leave=${leave} />
      <main id="main" tabindex="-1">${!found ? html`<${NotFound} path=${path} hint=${t('app.not_found_hint')} />`
        : page?.problem ? html`<${Trouble} problem=${page.problem} />`
          : page ? html`<${page.Page} key=${path} ...${found.values} />` : html`<${Loading} />`}</main>
    </div><//>`;
}

/** An address at which nothing is. */
const NotFound = ({ path, hint }) => html`<${Head} title=${t('app.not_found')} /><${Empty} title=${html`<code>${path}</code>`}>${hint && html`<p>${hint}</p>`}<${Link} class="button primary" href="/">${t('nav.overview')}<//><//>`;

/** What whoever is not logged in sees around a page. */
const Frame = ({ children }) => html`<main class="outside" id="main"><div class="outside-head"><span class="brand"><img src="/assets/icon.svg" alt="" width="30" height="30" /><span>${t('app.name')}</span></span><${Language} /></div>${children}</main>`;

function Outside({ route, enter }) {
  const page = usePage(route);
  return html`<${Frame}>${page?.Page ? html`<${page.Page} enter=${enter} />` : html`<${Loading} />`}<//>`;
}

function App() {
  useLanguage();
  const { path, query } = usePlace();
  const [me, know] = useState(undefined);
  const [problem, show] = useState(null);
  const found = match(path);
  const enter = (user) => {
    if (user.language) setLang(user.language);
    know(user);
  };
  const ask = () => {
    show(null);
    api.get('/api/v1/me').then(enter, (problem) => (problem.status === 401 ? know(null) : show(problem)));
  };
  useEffect(ask, []);
  useEffect(() => onLoggedOut(() => know(null)), []);
  useEffect(() => {
    if (me !== null || !found || found.route.outside) return;
    const to = path + location.search;
    api.get('/api/v1/setup').then(
      ({ needed }) => go(needed ? '/setup' : to === '/' ? '/login' : `/login?to=${encodeURIComponent(to)}`, { replace: true }),
      show,
    );
  }, [me, path]);
  const leave = async () => {
    await api.post('/api/v1/logout', {}).catch(() => {});
    know(null);
    go('/login');
  };
  const arrived = (user, to) => {
    enter(user);
    go(to || (query.to?.startsWith('/') && !query.to.startsWith('//') ? query.to : '/'), { replace: true });
  };
  return html`${problem ? html`<main class="outside" id="main"><${Trouble} problem=${problem} again=${ask} /></main>`
    : found?.route.outside ? html`<${Outside} route=${found.route} enter=${arrived} />`
      : me ? html`<${Inside} me=${me} leave=${leave} />`
        : me === null && !found ? html`<${Frame}><${NotFound} path=${path} /><//>` : html`<main class="outside" id="main"><${Loading} /></main>`}
    <${Toasts} /><${Confirm} />`;
}

setLang(lang());
// For the browser tests: keys that only one language has.
window.hongyanLoneWords = lone;
render(html`<${App} />`, document.getElementById('app'));
