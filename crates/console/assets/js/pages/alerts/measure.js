// What rules measure, in words: names, values with their units, and a rule as one sentence.
import { html } from '../../lib.js';
import { said, t, words } from '../../i18n.js';
import { number } from '../../format.js';
import { Badge } from '../../ui/basic.js';

words({
  zh: {
    'metric.errcode_count': '错误码出现次数', 'metric.errcode_rate': '错误码占比', 'metric.success_rate': '送达率', 'metric.late_share': '超时占比', 'metric.backlog_age': '队首超过期限', 'metric.quota_forecast': '今日额度还可用', 'metric.token_failure': '取不到令牌', 'metric.callback_silence': '没有微信回调', 'metric.user_block_rate': '用户关闭消息占比', 'metric.webhook_failure': '业务回调持续失败', 'metric.template_changed': '模板被他人改动', 'metric.complaint_rate': '投诉占比', 'metric.brake_pulled': '模板已熔断', 'metric.approval_wait': '最早一条待审消息已等',
    'measure.below': '低于 {limit}', 'measure.from': '达到 {limit}', 'measure.times': '{n} 次', 'measure.seconds': '{n} 秒', 'measure.minutes': '{n} 分钟', 'measure.hours': '{n} 小时', 'measure.window': '近 {time}', 'measure.at_least': '至少 {n} 条', 'measure.for': '持续 {time}', 'measure.rest': '（{rest}）', 'measure.missing': '没有令牌', 'measure.there': '有令牌',
    'severity_of.info': '提示', 'severity_of.warning': '警告', 'severity_of.critical': '严重',
  },
  en: {
    'metric.errcode_count': 'error code, how often', 'metric.errcode_rate': 'error code, share', 'metric.success_rate': 'delivered', 'metric.late_share': 'late', 'metric.backlog_age': 'first in the queue is over its deadline', 'metric.quota_forecast': 'today’s quota lasts', 'metric.token_failure': 'no token', 'metric.callback_silence': 'no callback from WeChat', 'metric.user_block_rate': 'people who switch messages off', 'metric.webhook_failure': 'a webhook fails', 'metric.template_changed': 'templates changed by others', 'metric.complaint_rate': 'people who complain', 'metric.brake_pulled': 'a template is braked', 'metric.approval_wait': 'the first message waits for approval since',
    'measure.below': 'below {limit}', 'measure.from': '{limit} or more', 'measure.times': '{n}×', 'measure.seconds': '{n} s', 'measure.minutes': '{n} min', 'measure.hours': '{n} h', 'measure.window': 'in {time}', 'measure.at_least': 'of at least {n}', 'measure.for': 'for {time}', 'measure.rest': ' ({rest})', 'measure.missing': 'no token', 'measure.there': 'there is one',
    'severity_of.info': 'info', 'severity_of.warning': 'warning', 'severity_of.critical': 'critical',
  },
});

export const METRICS = ['errcode_count', 'errcode_rate', 'success_rate', 'late_share', 'backlog_age', 'quota_forecast', 'token_failure', 'callback_silence', 'user_block_rate', 'webhook_failure', 'template_changed', 'complaint_rate', 'brake_pulled', 'approval_wait'];
export const SEVERITIES = ['info', 'warning', 'critical'];
const SHARES = ['errcode_rate', 'success_rate', 'late_share', 'user_block_rate', 'complaint_rate'];
/** They are there or not: their limit says nothing. */
const FLAGS = ['token_failure', 'brake_pulled'];
const BAD_BELOW = ['success_rate', 'quota_forecast'];
const TONES = { info: 'info', warning: 'warn', critical: 'bad' };

/** Shares are 0 to 1 in the API and per cent on the page. */
export const isShare = (metric) => SHARES.includes(metric);
export const isOfErrcode = (metric) => metric === 'errcode_count' || metric === 'errcode_rate';

export const Severity = ({ severity }) => html`<${Badge} tone=${TONES[severity]}>${t(`severity_of.${severity}`)}<//>`;

const MINUTE_S = 60;
const HOUR_S = 3600;

/** A length of time in the greatest unit that is whole, or nearly. */
export function lasts(s) {
  if (s < 2 * MINUTE_S && s % MINUTE_S) return t('measure.seconds', { n: number(s) });
  return s < 2 * HOUR_S && s % HOUR_S ? t('measure.minutes', { n: number(Math.round(s / MINUTE_S)) }) : t('measure.hours', { n: number(s / HOUR_S) });
}

/** A value with its unit. */
export function valued(metric, value) {
  if (isShare(metric)) return `${number(Math.round(value * 1000) / 10)} %`;
  if (metric === 'backlog_age') return lasts(Math.round(value));
  if (metric === 'token_failure') return t(value > 0 ? 'measure.missing' : 'measure.there');
  if (metric === 'brake_pulled') return t(value > 0 ? 'word.yes' : 'word.no');
  if (metric === 'callback_silence' || metric === 'approval_wait') return lasts(Math.round(value) * MINUTE_S);
  if (metric === 'quota_forecast' || metric === 'webhook_failure') return t('measure.hours', { n: number(value) });
  return t('measure.times', { n: number(value) });
}

/** When it is too much. */
export const limit = ({ metric, threshold }) => (FLAGS.includes(metric) ? '' : t(BAD_BELOW.includes(metric) ? 'measure.below' : 'measure.from', { limit: valued(metric, threshold) }));

/** A rule as one sentence. */
export function sentence(rule) {
  const { metric, errcode, window_minutes: window, at_least: least, for_minutes: lasting } = rule;
  const counted = isShare(metric) || isOfErrcode(metric);
  const rest = [counted && t('measure.window', { time: lasts(window * MINUTE_S) }), least > 0 && t('measure.at_least', { n: number(least) }), lasting > 0 && t('measure.for', { time: lasts(lasting * MINUTE_S) })].filter(Boolean);
  return `${[isOfErrcode(metric) && errcode, t(`metric.${metric}`), limit(rule)].filter(Boolean).join(' ')}${rest.length ? t('measure.rest', { rest: rest.join(' · ') }) : ''}`;
}

// The ready rules have Chinese names; whoever renamed one sees the new name in both languages.
const READY = {
  'errcode-43002': { zh: '43002 请求方式错误', en: '43002 POST required' }, 'errcode-45009': { zh: '45009 当日额度用完', en: '45009 today’s quota is used up' }, 'errcode-45011': { zh: '45011 每分钟频率超限', en: '45011 too many in a minute' }, 'errcode-40001': { zh: '40001 令牌失效', en: '40001 token is not valid' }, 'errcode-40037': { zh: '40037 模板无效', en: '40037 template is not valid' }, 'errcode-48004': { zh: '48004 接口被封禁', en: '48004 calls are blocked' },
  'complaint-rate': { zh: '用户投诉过多', en: 'Many people complain' }, 'brake-pulled': { zh: '模板已熔断', en: 'A template is braked' }, 'approval-wait': { zh: '有消息待人工审核', en: 'Messages wait for approval' },
  'success-rate': { zh: '送达率过低', en: 'Too few are delivered' }, 'late-share': { zh: '超时发送过多', en: 'Too many are late' }, 'backlog-age': { zh: '队列积压', en: 'The queue is behind' }, 'quota-forecast': { zh: '额度即将用完', en: 'The quota is used up soon' }, 'token-failure': { zh: '取不到令牌', en: 'No token' }, 'callback-silence': { zh: '收不到微信回调', en: 'WeChat does not call back' }, 'user-block-rate': { zh: '用户拒收过多', en: 'Many people switch messages off' }, 'webhook-failure': { zh: '业务回调持续失败', en: 'A webhook keeps failing' }, 'template-changed': { zh: '模板在微信后台被改动', en: 'A template was changed at WeChat' },
};

/** Whether a rule is one of those that are there from the start. */
export const isReady = (id) => id in READY;

/** What a rule is called. */
export const ruleName = (id, name) => (READY[id]?.zh === name ? said(READY[id]) : name);
