// What is said of a message before it is sent: whether it would go, what its words are held against, what could be better.
import { html } from '../lib.js';
import { has, lang, said, t, words } from '../i18n.js';
import { Badge, Time } from './basic.js';
import { Findings } from './marked.js';

words({
  zh: {
    'would.send': '可以发送', 'would.hold': '会等待', 'would.refuse': '会被拒绝', 'would.by': '通过“{kind}”窗口', 'would.then': '可发时间', 'would.still': '公众号现在停发：', 'would.ordered': '人工暂停', 'would.held': '全部发送已暂停', 'would.observed': '仅观察的规则：', 'would.found': '词表发现', 'would.better': '可以改进', 'would.nothing_better': '没有改进建议', 'would.words_pass': '字段和词表没有问题', 'would.words_hold': '词表：要等人工审核', 'would.words_refuse': '词表：拒绝发送', 'would.not_asked': '频率、触达窗口、免打扰等规则没有询问。',
  },
  en: {
    'would.send': 'it would go', 'would.hold': 'it would wait', 'would.refuse': 'it would be refused', 'would.by': 'by the window “{kind}”', 'would.then': 'It could go at', 'would.still': 'The account stands still:', 'would.ordered': 'paused by a person', 'would.held': 'all sending is held', 'would.observed': 'Rules that are only observed:', 'would.found': 'Found by the word list', 'would.better': 'Could be better', 'would.nothing_better': 'Nothing to better', 'would.words_pass': 'Its fields and words are fine', 'would.words_hold': 'word list: it waits for a person', 'would.words_refuse': 'word list: it is refused', 'would.not_asked': 'The rules of frequency, reach, quiet hours and others were not asked.',
  },
});

const TONES = { send: 'good', pass: 'good', hold: 'warn', refuse: 'bad' };
const ruleOf = ({ rule }) => (rule ? (has(`rule.${rule}`) ? t(`rule.${rule}`) : rule) : '');

/** What holds its account up, whatever the rules say. */
const Still = ({ pause }) => html`<p class="warn-text">${t('would.still')} ${pause.reason || (has(`cause.${pause.cause}`) ? t(`cause.${pause.cause}`) : t(`would.${pause.cause}`))} ${said(pause.advice)}</p>`;

/** What the rules say, and what stands still: `{verdict, rule, until, why, by, pause, observed}`. */
export function Verdict({ verdict }) {
  const named = [ruleOf(verdict), verdict.verdict !== 'refuse' && verdict.by && t('would.by', { kind: t(`interaction.${verdict.by}`) })].filter(Boolean);
  const observed = verdict.observed?.map((one) => `${ruleOf(one)}: ${t(`verdict.${one.verdict}`)}`).join(' · ');
  return html`<div aria-live="polite" class="stack"><p class="reading"><${Badge} tone=${TONES[verdict.verdict]}>${t(`would.${verdict.verdict}`)}<//> <span>${named.join(' · ')}</span></p>
    ${verdict.why && html`<p>${said(verdict.why)}</p>`}${verdict.until && html`<p>${t('would.then')} <${Time} at=${verdict.until} /></p>`}
    ${verdict.pause && (verdict.rule || !verdict.why ? html`<${Still} pause=${verdict.pause} />` : html`<p class="hint">${said(verdict.pause.advice)}</p>`)}${observed && html`<p class="faint">${t('would.observed')} ${observed}</p>`}</div>`;
}

/** What the word list found. */
export const Found = ({ findings }) => (findings?.length ? html`<div class="warn-text"><strong>${t('would.found')}</strong><${Findings} found=${findings} /></div>` : null);

const inTongue = (one, what) => one[`${what}_${lang()}`] || one[`${what}_zh`];

/** Advice on a text, each with its reason; nothing of it blocks. */
export function Advice({ advice }) {
  if (!advice) return null;
  return html`<div class="stack" data-part="advice"><p><strong>${t('would.better')}</strong></p>${advice.length ? html`<ul class="stack">${advice.map((one) => html`<li key=${one.code}>${inTongue(one, 'text')}<p class="hint">${inTongue(one, 'reason')}</p></li>`)}</ul>` : html`<p class="faint">${t('would.nothing_better')}</p>`}</div>`;
}

/** Of a server that does not ask the rules in a dry run: what its words come to, and that this is not all. */
const WordsOnly = ({ verdict }) => html`<div><p><${Badge} tone=${TONES[verdict]}>${t(`would.words_${verdict}`)}<//></p>${verdict === 'pass' && html`<p class="hint">${t('would.not_asked')}</p>`}</div>`;

/** A dry run's answer: `{verdict, content}`. It is green only where everything that was asked lets the message go. */
export function Judged({ answer }) {
  const { verdict: rules } = answer;
  return html`<div class="stack" data-part="judged">${rules ? html`<${Verdict} verdict=${rules} />` : html`<${WordsOnly} verdict=${answer.content?.verdict || 'pass'} />`}<${Found} findings=${answer.content?.findings} /></div>`;
}
