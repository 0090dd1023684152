// Analytics: counters over time, who taps what, the hours of the week.
import { html } from '../lib.js';
import { t, words } from '../i18n.js';
import { ASKED, useAccounts } from '../known.js';
import { useQuery } from '../router.js';
import { Empty, Head, Loading } from '../ui/basic.js';
import { Tabs } from '../ui/place.js';
import { Link } from '../router.js';
import Clicks from './analytics/clicks.js';
import Heat from './analytics/heat.js';
import Trend from './analytics/trend.js';

words({
  zh: { 'analytics.title': '分析', 'analytics.note': '发送、送达、失败和点击，按时间、公众号、模板、场景、错误码。', 'analytics.trend': '趋势', 'analytics.clicks': '点击排行', 'analytics.heat': '时段热力图', 'analytics.empty_hint': '接入公众号并发送后，这里会有数字。' },
  en: { 'analytics.title': 'Analytics', 'analytics.note': 'Sends, deliveries, failures and taps over time, by account, template, scenario and error code.', 'analytics.trend': 'Over time', 'analytics.clicks': 'Clicks', 'analytics.heat': 'Hours of the week', 'analytics.empty_hint': 'Connect an account and send: the numbers come here.' },
});

const PARTS = { trend: Trend, clicks: Clicks, heat: Heat };

export default function Analytics() {
  const [query] = useQuery();
  const accounts = useAccounts();
  const tab = PARTS[query.tab] ? query.tab : 'trend';
  const Part = PARTS[tab];
  return html`<${Head} title=${t('analytics.title')} note=${t('analytics.note')} />
    <${Tabs} tabs=${Object.keys(PARTS).map((word) => [word, t(`analytics.${word}`)])} keep=${['appid']} />
    ${accounts === ASKED ? html`<${Loading} />` : accounts.length ? html`<${Part} key=${tab} accounts=${accounts} />` : html`<${Empty} title=${t('place.no_account')}><p>${t('analytics.empty_hint')}</p><${Link} class="button" href="/start">${t('place.connect')}<//><//>`}`;
}
