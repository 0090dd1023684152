// What the rules and their settings are called, and their values in words.
import { listed, number, span } from '../../format.js';
import { t, words } from '../../i18n.js';

words({
  zh: {
    'policy.mode': '方式', 'policy.mode_enforce': '执行', 'policy.mode_observe': '仅观察', 'policy.mode_off': '关闭', 'policy.mode_hint': '仅观察：写进消息的经过，消息照发。',
    'policy.suppression': '禁发名单与退订', 'policy.content': '内容', 'policy.reach': '触达窗口', 'policy.frequency': '频率上限', 'policy.repeat': '重复内容', 'policy.quiet_hours': '免打扰时段', 'policy.brake': '模板熔断',
    'policy.about_suppression': '退订、取消关注、投诉的人不再发送。', 'policy.about_content': '按词表和营销用语检查内容。', 'policy.about_reach': '只发给最近有过互动的人；每种互动打开一个窗口。', 'policy.about_frequency': '每个人收到多少条。', 'policy.about_repeat': '短时间内不向同一人重复发送相同内容。', 'policy.about_quiet_hours': '时段内到期的消息等到时段结束再发（北京时间）。', 'policy.about_brake': '风险分过高的模板停下，等人处理；对全部类别相同。',
    'policy.opt_out_words': '退订词（每行一个）', 'policy.opt_out_of': '退订后不再发送', 'policy.opt_out_of_marketing': '营销消息', 'policy.opt_out_of_all': '全部消息', 'policy.doubtful': '可疑用语', 'policy.doubtful_hold': '等人工审核', 'policy.doubtful_refuse': '拒绝', 'policy.doubtful_allow': '放行', 'policy.windows': '窗口', 'policy.caps': '上限', 'policy.exempt': '不计入的互动依据', 'policy.exceeded': '超过上限', 'policy.exceeded_refuse': '拒绝', 'policy.exceeded_hold': '等到有余量',
    'policy.within_s': '多久之内（秒）', 'policy.from': '开始', 'policy.to': '结束', 'policy.score': '熔断线（1–1000）', 'policy.sample': '最少发送数', 'policy.days': '统计天数（1–30）', 'policy.kinds': '互动', 'policy.valid_hours': '有效（小时，空为永久）', 'policy.per_day': '每天条数（空为不限）', 'policy.in_all': '窗口内总数（空为不限）', 'policy.notice': '提醒', 'policy.notice_strong': '强', 'policy.notice_normal': '普通', 'policy.notice_weak': '弱', 'policy.for_ever': '永久有效', 'policy.hours': '{n} 小时有效', 'policy.n_per_day': '每天 {n} 条', 'policy.n_in_all': '共 {n} 条', 'policy.unlimited': '不限条数',
    'policy.per': '周期', 'policy.per_day_word': '每天', 'policy.per_week_word': '每周', 'policy.over': '范围', 'policy.over_all': '全部消息', 'policy.over_category': '同类消息', 'policy.over_scenario': '同场景消息', 'policy.limit': '条数', 'policy.cap': '{per}{over}最多 {n} 条', 'policy.none': '无',
  },
  en: {
    'policy.mode': 'Mode', 'policy.mode_enforce': 'enforce', 'policy.mode_observe': 'observe', 'policy.mode_off': 'off', 'policy.mode_hint': 'Observe: it is written into the message’s timeline, and the message goes.',
    'policy.suppression': 'Suppression and opt-out', 'policy.content': 'Content', 'policy.reach': 'Reach windows', 'policy.frequency': 'Frequency caps', 'policy.repeat': 'Repeat guard', 'policy.quiet_hours': 'Quiet hours', 'policy.brake': 'Template brake',
    'policy.about_suppression': 'Whoever opted out, left or complained is not written to.', 'policy.about_content': 'Texts are held against the word list and marketing wording.', 'policy.about_reach': 'Only people who acted lately are reached; each kind of interaction opens a window.', 'policy.about_frequency': 'How many messages one person gets.', 'policy.about_repeat': 'Not the same to the same person within a short time.', 'policy.about_quiet_hours': 'What falls due in them goes when they end (Beijing time).', 'policy.about_brake': 'A template whose risk is too high waits for a person; the same for all categories.',
    'policy.opt_out_words': 'Opt-out words (one a line)', 'policy.opt_out_of': 'Whoever opts out gets no more', 'policy.opt_out_of_marketing': 'marketing', 'policy.opt_out_of_all': 'messages at all', 'policy.doubtful': 'Doubtful wording', 'policy.doubtful_hold': 'waits for a person', 'policy.doubtful_refuse': 'is refused', 'policy.doubtful_allow': 'is sent', 'policy.windows': 'Windows', 'policy.caps': 'Caps', 'policy.exempt': 'Not counted where proven', 'policy.exceeded': 'Over a cap', 'policy.exceeded_refuse': 'refused', 'policy.exceeded_hold': 'waits for room',
    'policy.within_s': 'Within (seconds)', 'policy.from': 'From', 'policy.to': 'To', 'policy.score': 'Brakes at (1 to 1000)', 'policy.sample': 'Sends at least', 'policy.days': 'Days counted (1 to 30)', 'policy.kinds': 'Interactions', 'policy.valid_hours': 'Open for (hours; empty: for ever)', 'policy.per_day': 'A day (empty: no limit)', 'policy.in_all': 'In all (empty: no limit)', 'policy.notice': 'Notice', 'policy.notice_strong': 'strong', 'policy.notice_normal': 'normal', 'policy.notice_weak': 'weak', 'policy.for_ever': 'for ever', 'policy.hours': 'open for {n} h', 'policy.n_per_day': '{n} a day', 'policy.n_in_all': '{n} in all', 'policy.unlimited': 'no limit',
    'policy.per': 'Per', 'policy.per_day_word': 'a day', 'policy.per_week_word': 'a week', 'policy.over': 'Of', 'policy.over_all': 'all messages', 'policy.over_category': 'the same category', 'policy.over_scenario': 'the same scenario', 'policy.limit': 'At most', 'policy.cap': '{n} {per} of {over}', 'policy.none': 'none',
  },
});

export const MODES = ['enforce', 'observe', 'off'];
export const KINDS = ['payment', 'menu_click', 'message', 'scan_subscribe'];
export const kindsIn = (kinds) => (kinds.length ? listed(kinds.map((kind) => t(`interaction.${kind}`))) : t('policy.none'));

function windowIn({ kinds, valid_hours: hours, per_day: daily, in_all: all, notice }) {
  const many = [daily !== null && t('policy.n_per_day', { n: daily }), all !== null && t('policy.n_in_all', { n: all })].filter(Boolean);
  return [kindsIn(kinds), hours === null ? t('policy.for_ever') : t('policy.hours', { n: number(hours) }), many.join(' · ') || t('policy.unlimited'), `${t('policy.notice')} ${t(`policy.notice_${notice}`)}`].join(' · ');
}

const capIn = ({ per, over, limit }) => t('policy.cap', { per: t(`policy.per_${per}_word`), over: t(`policy.over_${over}`), n: number(limit) });

/**
 * Settings by rule, each of a sort: `choice` (with its words), `kinds`, `lines`, `windows`, `caps`, `number` (with its least
 * and most), `time`. The mode is every rule's.
 */
export const RULES = {
  reach: { windows: { sort: 'windows' } },
  frequency: { caps: { sort: 'caps' }, exempt: { sort: 'kinds' }, exceeded: { sort: 'choice', of: ['refuse', 'hold'] } },
  quiet_hours: { from: { sort: 'time' }, to: { sort: 'time' } },
  repeat: { within_s: { sort: 'number', min: 0, max: 86400 } },
  suppression: { opt_out_words: { sort: 'lines' }, opt_out_of: { sort: 'choice', of: ['marketing', 'all'] } },
  content: { doubtful: { sort: 'choice', of: ['hold', 'refuse', 'allow'] } },
  brake: { score: { sort: 'number', min: 1, max: 1000 }, sample: { sort: 'number', min: 1, max: 1000000 }, days: { sort: 'number', min: 1, max: 30 } },
};

const IN_WORDS = {
  choice: (value, key) => [t(`policy.${key}_${value}`)], kinds: (value) => [kindsIn(value)], lines: (value) => [value.length ? listed(value) : t('policy.none')],
  windows: (value) => value.map(windowIn), caps: (value) => value.map(capIn), number: (value, key) => [key === 'within_s' ? span(value) : number(value)], time: (value) => [value],
};

/** A setting's value, in lines; an empty list says so. */
export function inWords(key, { sort }, value) {
  const lines = IN_WORDS[sort](value, key);
  return lines.length ? lines : [t('policy.none')];
}
