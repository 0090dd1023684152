// Log in.
import { html, useState } from '../lib.js';
import { api } from '../api.js';
import { has, t, words } from '../i18n.js';
import { useData } from '../live.js';
import { useQuery } from '../router.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';

words({
  zh: {
    'login.title': '登录控制台', 'login.name': '用户名', 'login.password': '密码', 'login.totp': '动态验证码', 'login.totp_hint': '身份验证器应用里的 6 位数字',
    'login.go': '登录', 'login.sso': '{name} 登录', 'login.sso_off': '没有配置单点登录', 'login.sso_throttled': '尝试过多，请一分钟后再试', 'login.sso_state': '这次登录已过期，或不是在本浏览器里开始的，请重试', 'login.sso_denied': '身份提供方没有放行', 'login.sso_token': '身份提供方的凭证不被接受，详见服务器日志', 'login.sso_provider': '无法连接身份提供方，详见服务器日志', 'login.sso_role': '你的账号没有分配控制台角色，请联系管理员', 'login.sso_name': '你的账号没有可用的用户名，请联系管理员', 'login.sso_taken': '此用户名在控制台已被另一用户使用，请联系管理员', 'login.sso_disabled': '你的用户已被停用，请联系管理员', 'login.forgot': '忘记密码？请管理员重设，或在服务器上运行 hongyan user password 用户名',
  },
  en: {
    'login.title': 'Log in', 'login.name': 'User name', 'login.password': 'Password', 'login.totp': 'Code', 'login.totp_hint': 'Six digits of the authenticator app',
    'login.go': 'Log in', 'login.sso': 'Log in with {name}', 'login.sso_off': 'No identity provider is set', 'login.sso_throttled': 'Too many tries: wait a minute', 'login.sso_state': 'This login is over, or began in another browser: try again', 'login.sso_denied': 'The identity provider did not let you in', 'login.sso_token': 'The provider’s token is refused: the server’s log says why', 'login.sso_provider': 'The identity provider cannot be reached: the server’s log says why', 'login.sso_role': 'Your account has no role here: ask an admin', 'login.sso_name': 'Your account has no name that can be used here: ask an admin', 'login.sso_taken': 'Another user has your name here: ask an admin', 'login.sso_disabled': 'You are disabled here: ask an admin', 'login.forgot': 'Password lost? An admin sets another, or on the server: hongyan user password NAME',
  },
});

export default function Login({ enter }) {
  const [second, ask] = useState(false);
  const [query] = useQuery();
  const { data } = useData((signal) => api.get('/api/v1/setup', {}, signal), []);
  const form = useForm({ name: '', password: '', totp: '' }, async ({ name, password, totp }) => {
    try {
      enter(await api.post('/api/v1/login', { name, password, ...(second ? { totp } : {}) }));
    } catch (problem) {
      if (problem.code !== 'totp_needed' || second) throw problem;
      ask(true);
    }
  });
  document.title = `${t('login.title')} · ${t('app.name')}`;
  return html`<form class="card narrow" onSubmit=${form.onSubmit}><h1>${t('login.title')}</h1>
    ${has(`login.sso_${query.sso}`) && html`<p class="fault" role="alert">${t(`login.sso_${query.sso}`)}</p>`}<${FormTrouble} form=${form} />
    <${Field} form=${form} name="name" label=${t('login.name')} autocomplete="username" autocapitalize="none" required />
    <${Field} form=${form} name="password" type="password" label=${t('login.password')} autocomplete="current-password" required />
    ${second && html`<${Field} form=${form} name="totp" label=${t('login.totp')} hint=${t('login.totp_hint')} inputmode="numeric" autocomplete="one-time-code" required />`}
    <button class="button primary wide" disabled=${form.busy}>${t('login.go')}</button>
    ${data?.sso && html`<a class="button wide" href="/api/v1/login/oidc">${t('login.sso', { name: data.sso })}</a>`}
    <p class="hint">${t('login.forgot')}</p></form>`;
}
