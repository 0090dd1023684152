// What is wrong: alerts that fire, WeChat's error codes, why messages did not arrive.
import { html } from '../../lib.js';
import { api, url } from '../../api.js';
import { said, t, words } from '../../i18n.js';
import { today } from '../../clock.js';
import { number } from '../../format.js';
import { useData } from '../../live.js';
import { Link } from '../../router.js';
import { limit, ruleName, valued } from '../alerts/measure.js';
import { Badge, Card, Id, State, Time, Trouble, cause } from '../../ui/basic.js';

words({
  zh: {
    'wrong.alerts': '触发的告警', 'wrong.no_alerts': '没有触发的告警。', 'wrong.all_alerts': '全部告警', 'wrong.since': '自', 'wrong.silenced': '已静默', 'wrong.critical': '严重', 'wrong.warning': '警告', 'wrong.info': '提示',
    'wrong.errcodes': '今日错误码', 'wrong.no_errcodes': '微信今天没有返回错误码。', 'wrong.unnamed': '没有登记含义', 'wrong.done': '系统已做', 'wrong.todo': '请处理', 'wrong.causes': '今日未送达的原因', 'wrong.no_causes': '今天没有失败或被拦下的消息。',
  },
  en: {
    'wrong.alerts': 'Open alerts', 'wrong.no_alerts': 'No alert is open.', 'wrong.all_alerts': 'All alerts', 'wrong.since': 'since', 'wrong.silenced': 'silenced', 'wrong.critical': 'critical', 'wrong.warning': 'warning', 'wrong.info': 'info',
    'wrong.errcodes': 'Error codes today', 'wrong.no_errcodes': 'WeChat answered with no error code today.', 'wrong.unnamed': 'no meaning is known', 'wrong.done': 'Done already', 'wrong.todo': 'To do', 'wrong.causes': 'Why messages of today did not arrive', 'wrong.no_causes': 'Nothing failed or was held back today.',
  },
});

const TONES = { critical: 'bad', warning: 'warn', info: 'info' };
const EVERY_MS = 30000;
const CAUSES_MAX = 8;
const since = () => `${today()}T00:00:00+08:00`;

function One({ one, accounts }) {
  const account = accounts.find(({ appid }) => appid === one.appid);
  return html`<li class=${one.severity}><p><${Link} href=${url('/alerts', { appid: one.appid, state: 'firing' })}><strong>${ruleName(one.rule, one.name)}</strong><//> <${Badge} tone=${TONES[one.severity] || 'calm'}>${t(`wrong.${one.severity}`)}<//>${one.silenced_until && html` <${Badge}>${t('wrong.silenced')}<//>`}</p>
    <p class="hint">${account ? html`<${Link} href=${`/accounts/${account.appid}`}>${account.name}<//> · ` : ''}${one.metric ? `${valued(one.metric, one.value)} (${limit(one) || t(`metric.${one.metric}`)})` : number(one.value, 3)} · ${t('wrong.since')} <${Time} at=${one.fired_at || one.since} /></p></li>`;
}

export function Alerts({ alerts, accounts }) {
  const aside = html`<${Link} href="/alerts">${t('wrong.all_alerts')}<//>`;
  return html`<${Card} title=${t('wrong.alerts')} aside=${aside} data-part="alerts">${alerts.length ? html`<ul class="alerts">${alerts.map((one) => html`<${One} key=${one.id} one=${one} accounts=${accounts} />`)}</ul>` : html`<p class="faint">${t('wrong.no_alerts')}</p>`}<//>`;
}

/** The most frequent first: what each means, what was done about it, what a person should do. */
export function Errcodes({ errcodes, appid }) {
  if (!errcodes.length) return html`<${Card} title=${t('wrong.errcodes')} data-part="errcodes"><p class="faint">${t('wrong.no_errcodes')}</p><//>`;
  return html`<${Card} title=${t('wrong.errcodes')} data-part="errcodes"><ul class="causes">${errcodes.map(({ errcode, count, meaning, done, advice }) => html`<li key=${errcode}>
    <${Link} class="cause-count" href=${url('/messages', { appid, errcode, since: since() })}>${number(count)}<//>
    <div><p><${Id} value=${String(errcode)} /> ${said(meaning) || t('wrong.unnamed')}</p><p class="hint">${t('wrong.done')}: ${said(done)}</p>${advice && html`<p class="hint"><strong>${t('wrong.todo')}</strong>: ${said(advice)}</p>`}</div></li>`)}</ul><//>`;
}

/** Messages of today by what ended them: our rules and WeChat's receipts as well, which have no error code. */
export function Causes({ appid }) {
  const day = today();
  const { data, problem, again } = useData((signal) => api.get('/api/v1/stats', { appid, since: day, until: day }, signal), [appid, day], EVERY_MS);
  const counts = {};
  for (const { state, cause: word, count } of data?.rows || []) {
    if (['failed', 'suppressed', 'unknown'].includes(state) && word) counts[`${state}.${word}`] = (counts[`${state}.${word}`] || 0) + count;
  }
  const wrong = Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a).slice(0, CAUSES_MAX);
  return html`<${Card} title=${t('wrong.causes')} data-part="causes"><${Trouble} problem=${problem} again=${again} />${wrong.length ? html`<ul class="causes">${wrong.map(([key, count]) => {
    const [state, word] = key.split('.');
    return html`<li key=${key}><${Link} class="cause-count" href=${url('/messages', { appid, since: since(), state, cause: word })}>${number(count)}<//><div><p>${cause(word)} <${State} state=${state} /></p></div></li>`;
  })}</ul>` : html`<p class="faint">${t('wrong.no_causes')}</p>`}<//>`;
}
