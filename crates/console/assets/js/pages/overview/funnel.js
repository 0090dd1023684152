// How far today's messages came: asked for, allowed, taken by WeChat, delivered, tapped.
import { html } from '../../lib.js';
import { url } from '../../api.js';
import { t, words } from '../../i18n.js';
import { today } from '../../clock.js';
import { number, share } from '../../format.js';
import { Link } from '../../router.js';
import { Bar } from '../../ui/bar.js';
import { Card } from '../../ui/basic.js';

words({
  zh: {
    'funnel.title': '今日漏斗（北京时间）', 'funnel.requested': '请求', 'funnel.eligible': '策略放行', 'funnel.accepted': '微信已受理', 'funnel.delivered': '已送达', 'funnel.clicked': '已点击',
    'funnel.note': '每一步按今天发生的次数计，占比以请求为准；点击数字查看今天受理的消息。', 'funnel.no_clicks': '未统计（需设置 http.public_url）', 'funnel.refused': '拦下',
  },
  en: {
    'funnel.title': 'Today’s funnel (Shanghai)', 'funnel.requested': 'requested', 'funnel.eligible': 'eligible', 'funnel.accepted': 'accepted by WeChat', 'funnel.delivered': 'delivered', 'funnel.clicked': 'clicked',
    'funnel.note': 'Each step counts what happened today, as a share of what was requested; a number leads to the messages accepted today.', 'funnel.no_clicks': 'not counted (set http.public_url)', 'funnel.refused': 'stopped by rules',
  },
});

export default function Funnel({ funnel, appid }) {
  const rows = (query) => url('/messages', { appid, since: `${today()}T00:00:00+08:00`, ...query });
  const steps = [
    ['requested', rows({})], ['eligible', rows({})], ['accepted', rows({ errcode: '0' })], ['delivered', rows({ state: 'delivered' })], ['clicked', url('/analytics', { appid, tab: 'clicks' })],
  ];
  const most = Math.max(...steps.map(([step]) => funnel[step] || 0), 1);
  const stopped = Math.max(funnel.requested - funnel.eligible, 0);
  const asides = [['funnel.refused', stopped, rows({ state: 'suppressed' })], ...['failed', 'unknown', 'cancelled'].map((state) => [`state.${state}`, funnel[state], rows({ state })])];
  const count = (step, href) => (funnel[step] === null ? html`<span class="faint">–</span>` : html`<${Link} href=${href}>${number(funnel[step])}<//>`);
  return html`<${Card} title=${t('funnel.title')} data-part="funnel"><ol class="funnel">${steps.map(([step, href]) => html`<li key=${step} data-step=${step}><span>${t(`funnel.${step}`)}</span><${Bar} value=${funnel[step] || 0} most=${most} /><span class="count">${count(step, href)}</span>
      <span class="part">${step === 'requested' || funnel[step] === null ? '' : share(funnel[step], funnel.requested)}</span></li>`)}</ol>
    <p class="asides">${asides.map(([key, n, href]) => html`<span key=${key}>${t(key)} <${Link} href=${href}>${number(n)}<//></span>`)}${funnel.clicked === null && html`<span class="faint">${t('funnel.clicked')}: ${t('funnel.no_clicks')}</span>`}</p>
    <p class="hint">${t('funnel.note')}</p><//>`;
}
