// Log in.
import { html, useState } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { Field, FormTrouble, useForm } from '../ui/form.js';

words({
  zh: {
    'login.title': '登录控制台', 'login.name': '用户名', 'login.password': '密码', 'login.totp': '动态验证码', 'login.totp_hint': '身份验证器应用里的 6 位数字',
    'login.go': '登录', 'login.forgot': '忘记密码？请管理员重设，或在服务器上运行 hongyan user password 用户名',
  },
  en: {
    'login.title': 'Log in', 'login.name': 'User name', 'login.password': 'Password', 'login.totp': 'Code', 'login.totp_hint': 'Six digits of the authenticator app',
    'login.go': 'Log in', 'login.forgot': 'Password lost? An admin sets another, or on the server: hongyan user password NAME',
  },
});

export default function Login({ enter }) {
  const [second, ask] = useState(false);
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
    <${FormTrouble} form=${form} />
    <${Field} form=${form} name="name" label=${t('login.name')} autocomplete="username" autocapitalize="none" required />
    <${Field} form=${form} name="password" type="password" label=${t('login.password')} autocomplete="current-password" required />
    ${second && html`<${Field} form=${form} name="totp" label=${t('login.totp')} hint=${t('login.totp_hint')} inputmode="numeric" autocomplete="one-time-code" required />`}
    <button class="button primary wide" disabled=${form.busy}>${t('login.go')}</button>
    <p class="hint">${t('login.forgot')}</p></form>`;
}
