// The one-time link: makes the first admin, logs in, and leads on.
import { html, useEffect, useState } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { Field, Check, FormTrouble, useForm } from '../ui/form.js';
import { Command, Loading } from '../ui/basic.js';
import { Link } from '../router.js';

words({
  zh: {
    'setup.title': '首次设置', 'setup.note': '创建第一个管理员。之后可以添加其他用户。', 'setup.name': '用户名', 'setup.name_hint': '小写字母、数字和 . _ - @',
    'setup.password': '密码', 'setup.password_hint': '至少 10 个字符', 'setup.key': '同时创建一个管理员 API 密钥，供程序使用', 'setup.go': '创建并登录',
    'setup.made': '设置完成', 'setup.key_once': 'API 密钥只显示这一次，请立即保存。', 'setup.next': '继续：接入公众号',
    'setup.over': '设置链接已失效', 'setup.over_note': '已经有用户或 API 密钥了。请登录；没有用户时，在服务器上创建一个：',
    'setup.need_link': '请打开设置链接', 'setup.need_link_note': 'hongyan serve 启动时在终端打印了一个一次性链接（24 小时内有效）。也可以在服务器上创建用户：', 'setup.login': '去登录',
  },
  en: {
    'setup.title': 'First set-up', 'setup.note': 'Make the first admin. Others can be added later.', 'setup.name': 'User name', 'setup.name_hint': 'Small letters, digits and . _ - @',
    'setup.password': 'Password', 'setup.password_hint': '10 characters or more', 'setup.key': 'Make an admin API key as well, for programs', 'setup.go': 'Make it and log in',
    'setup.made': 'Set up', 'setup.key_once': 'The API key is shown now and never again: save it.', 'setup.next': 'Go on: connect an account',
    'setup.over': 'This link is not valid any more', 'setup.over_note': 'There is a user or an API key already. Log in; where there is no user, make one on the server:',
    'setup.need_link': 'Open the set-up link', 'setup.need_link_note': 'hongyan serve printed a one-time link in its terminal (good for 24 hours). Or make a user on the server:', 'setup.login': 'Log in',
  },
});

const MAKE = 'hongyan user add admin --role admin';

export default function Setup({ enter }) {
  // Taken out of the address at once: it is a secret, and histories are kept.
  const [token] = useState(() => new URLSearchParams(location.search).get('token') || '');
  const [needed, know] = useState(null);
  const [done, made] = useState(null);
  useEffect(() => {
    if (token) history.replaceState(null, '', '/setup');
    api.get('/api/v1/setup').then((answer) => know(answer.needed), () => know(false));
  }, []);
  const form = useForm({ name: 'admin', password: '', key: false }, async (values) => {
    const answer = await api.post('/api/v1/setup', { token, ...values });
    if (answer.key) made(answer);
    else enter(answer.me, '/start');
  });
  document.title = `${t('setup.title')} · ${t('app.name')}`;
  if (done) {
    return html`<div class="card narrow"><h1>${t('setup.made')}</h1><p class="warn-text">${t('setup.key_once')}</p><${Command}>${done.key}<//>
      <button type="button" class="button primary wide" onClick=${() => enter(done.me, '/start')}>${t('setup.next')}</button></div>`;
  }
  if (needed === null) return html`<${Loading} />`;
  if (!needed || !token) {
    const word = needed ? 'setup.need_link' : 'setup.over';
    return html`<div class="card narrow"><h1>${t(word)}</h1><p>${t(`${word}_note`)}</p><${Command}>${MAKE}<//>${!needed && html`<${Link} href="/login" class="button primary wide">${t('setup.login')}<//>`}</div>`;
  }
  return html`<form class="card narrow" onSubmit=${form.onSubmit}><h1>${t('setup.title')}</h1><p class="note">${t('setup.note')}</p>
    <${FormTrouble} form=${form} fields=${['name', 'password']} />
    <${Field} form=${form} name="name" label=${t('setup.name')} hint=${t('setup.name_hint')} autocomplete="username" autocapitalize="none" required />
    <${Field} form=${form} name="password" type="password" label=${t('setup.password')} hint=${t('setup.password_hint')} autocomplete="new-password" required />
    <${Check} form=${form} name="key" label=${t('setup.key')} />
    <button class="button primary wide" disabled=${form.busy}>${t('setup.go')}</button></form>`;
}
