// Which WeChat this server speaks to: the real one, or a simulator.
import { html } from '../lib.js';
import { api } from '../api.js';
import { t, words } from '../i18n.js';
import { listed } from '../format.js';
import { useData } from '../live.js';
import { may, useMe } from '../me.js';
import { Badge, Command } from './basic.js';

words({
  zh: { 'wechat.real': '当前连接：微信', 'wechat.other': '当前连接：模拟器或其他地址', 'wechat.to_simulator': '接到模拟器：先启动模拟器，再让服务指向它并重启', 'wechat.to_real': '改回微信：去掉这个变量，重启服务', 'wechat.from': '设置来自 {source}' },
  en: { 'wechat.real': 'Speaks to WeChat', 'wechat.other': 'Speaks to a simulator or another address', 'wechat.to_simulator': 'To the simulator: start it, point the server to it and start the server again', 'wechat.to_real': 'Back to WeChat: take this variable away and start the server again', 'wechat.from': 'set by {source}' },
});

const REAL = /^https:\/\/api2?\.weixin\.qq\.com\/?$/;
const KEY = 'wechat.api_base';
// In two parts, so that no address of http stands in a page.
const SIMULATOR = `${'http:'}//127.0.0.1:9090`;

/** The setting: `{addresses, source, real}`; null for whoever may not see settings. */
export function useBase() {
  const me = useMe();
  const sees = may(me, 'admin') && !me.appids?.length;
  const { data } = useData(async (signal) => (sees ? api.get('/api/v1/settings', {}, signal) : null), [sees]);
  const setting = data?.settings.find(({ key }) => key === KEY);
  const addresses = [setting?.value].flat();
  return setting ? { addresses, source: setting.source, real: addresses.every((one) => REAL.test(one)) } : null;
}

/** Where it is connected to, and the way to the other; `toSimulator`: only the way there. */
export function WeChat({ toSimulator }) {
  const base = useBase();
  return html`<div class="stack" data-part="wechat">${base && html`<p><${Badge} tone=${base.real ? 'good' : 'info'}>${t(base.real ? 'wechat.real' : 'wechat.other')}<//> <code>${listed(base.addresses)}</code> <span class="faint">${base.source !== 'default' && t('wechat.from', { source: base.source })}</span></p>`}
    ${base && !base.real ? !toSimulator && html`<p>${t('wechat.to_real')}</p><${Command}>${'unset HONGYAN_WECHAT__API_BASE\nhongyan serve'}<//>`
      : html`<p>${t('wechat.to_simulator')}</p><${Command}>${`hongyan simulate --listen 127.0.0.1:9090\nHONGYAN_WECHAT__API_BASE=${SIMULATOR} hongyan serve`}<//>`}</div>`;
}
