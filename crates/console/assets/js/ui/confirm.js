// Asks before something is done that cannot be undone, and for the reason where the audit wants one.
import { html, useEffect, useRef, useState } from '../lib.js';
import { t } from '../i18n.js';

let open = null;

/**
 * Asks; gives whether it was said yes: `await ask({title, text, yes, danger})`. With `reason` (a label) it asks for one and
 * gives the words themselves; with `choice` (`{label, options: [[value, text]]}`) as well, `{reason, choice}`.
 */
export const ask = (question) => new Promise((answer) => open?.({ ...question, answer }));

/** Where it appears; once, in the shell. */
export function Confirm() {
  const [question, show] = useState(null);
  const [reason, write] = useState('');
  const [choice, choose] = useState('');
  const dialog = useRef(null);
  useEffect(() => {
    open = show;
  }, []);
  useEffect(() => {
    write('');
    choose(question?.choice?.options[0][0] ?? '');
    if (question) dialog.current.showModal();
  }, [question]);
  if (!question) return null;
  const close = (answer) => {
    dialog.current.close();
    question.answer(answer);
    show(null);
  };
  const escape = (event) => {
    event.preventDefault();
    close(false);
  };
  const say = (event) => {
    event.preventDefault();
    const words = question.reason ? reason.trim() : true;
    close(question.choice ? { reason: words, choice } : words);
  };
  return html`<dialog ref=${dialog} onCancel=${escape} aria-labelledby="confirm-title"><form class="ask" onSubmit=${say}>
    <h2 id="confirm-title">${question.title}</h2>${question.text && html`<p>${question.text}</p>`}
    ${question.reason && html`<label class="filter"><span>${question.reason}</span><input name="reason" value=${reason} pattern=".*\\S.*" maxlength="160" required onInput=${(event) => write(event.target.value)} /></label>`}
    ${question.choice && html`<label class="filter"><span>${question.choice.label}</span><select name="choice" value=${choice} onChange=${(event) => choose(event.target.value)}>${question.choice.options.map(([value, text]) => html`<option key=${value} value=${value} selected=${value === choice}>${text}</option>`)}</select></label>`}
    <div class="actions"><button type="button" class="button" onClick=${() => close(false)}>${t('act.cancel')}</button>
    <button class=${`button ${question.danger ? 'danger' : 'primary'}`}>${question.yes}</button></div></form></dialog>`;
}
