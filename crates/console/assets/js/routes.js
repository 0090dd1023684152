// Every page, one line each: where it is, what its file is, and under which word it stands in the navigation.
// A fixed part never stands where a row's name may: a scenario may be called anything, so its catalogue has a longer path.
export const ROUTES = [
  { path: '/', nav: 'nav.overview', load: () => import('./pages/overview.js') },
  { path: '/messages', nav: 'nav.messages', load: () => import('./pages/messages.js') },
  { path: '/messages/:id', load: () => import('./pages/message.js') },
  { path: '/queue', nav: 'nav.queue', load: () => import('./pages/queue.js') },
  { path: '/scenarios', nav: 'nav.scenarios', load: () => import('./pages/scenarios.js') },
  { path: '/scenarios/new/catalogue', load: () => import('./pages/catalogue.js') },
  { path: '/scenarios/:name', load: () => import('./pages/scenario.js') },
  { path: '/templates', nav: 'nav.templates', load: () => import('./pages/templates.js') },
  { path: '/templates/:id', load: () => import('./pages/template.js') },
  { path: '/templates/applications/:id', load: () => import('./pages/application.js') },
  { path: '/recipients', nav: 'nav.recipients', load: () => import('./pages/recipients.js') },
  { path: '/analytics', nav: 'nav.analytics', load: () => import('./pages/analytics.js') },
  { path: '/compliance', nav: 'nav.compliance', load: () => import('./pages/compliance.js') },
  { path: '/compliance/rules', load: () => import('./pages/rules.js') },
  { path: '/alerts', nav: 'nav.alerts', load: () => import('./pages/alerts.js') },
  { path: '/accounts', nav: 'nav.accounts', load: () => import('./pages/accounts.js') },
  { path: '/accounts/:appid', load: () => import('./pages/account.js') },
  { path: '/webhooks', nav: 'nav.webhooks', role: 'admin', load: () => import('./pages/webhooks.js') },
  { path: '/webhooks/:id', load: () => import('./pages/webhook.js') },
  { path: '/developers', nav: 'nav.developers', load: () => import('./pages/developers.js') },
  { path: '/admin', nav: 'nav.admin', role: 'admin', load: () => import('./pages/admin.js') },
  { path: '/start', nav: 'nav.start', load: () => import('./pages/start.js') },
  { path: '/me', nav: 'nav.me', load: () => import('./pages/me.js') },
  // Outside: shown to whoever is not logged in, without the navigation.
  { path: '/login', outside: true, load: () => import('./pages/login.js') },
  { path: '/setup', outside: true, load: () => import('./pages/setup.js') },
];

/** A part of a path as text; null: the address is broken. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** The route of a path and the values of its `:parts`; null: nothing is there. */
export function match(path) {
  const parts = path.split('/').filter(Boolean).map(decoded);
  if (parts.includes(null)) return null;
  for (const route of ROUTES) {
    const names = route.path.split('/').filter(Boolean);
    if (names.length !== parts.length) continue;
    const values = {};
    const fits = names.every((name, at) => {
      if (!name.startsWith(':')) return name === parts[at];
      values[name.slice(1)] = parts[at];
      return true;
    });
    if (fits) return { route, values };
  }
  return null;
}
