// Asks before something is done that cannot be undone, and for the reason where the audit wants one.
import { html, useEffect, useRef, useState } from '../lib.js';
import { t } from '../i18n.js';

let open = null;

/**
 * Asks; gives whether it was said yes: `await ask({title, text, yes, danger})`. With `reason` (a label) it asks for one and
 * gives the words themselves.
 */
export const ask = (question) => new Promise((answer) => open?.({ ...question, answer }));

/** Where it appears; once, in the shell. */
export function Confirm() {
  const [question, show] = useState(null);
  const [reason, write] = useState('');
  const dialog = useRef(null);
  useEffect(() => {
    open = show;
  }, []);
  useEffect(() => {
    write('');
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
    close(question.reason ? reason.trim() : true);
  };
  return html`<dialog ref=${dialog} onCancel=${escape} aria-labelledby="confirm-title"><form class="ask" onSubmit=${say}>
    <h2 id="confirm-title">${question.title}</h2>${question.text && html`<p>${question.text}</p>`}
    ${question.reason && html`<label class="filter"><span>${question.reason}</span><input name="reason" value=${reason} pattern=".*\\S.*" maxlength="160" required onInput=${(event) => write(event.target.value)} /></label>`}
    <div class="actions"><button type="button" class="button" onClick=${() => close(false)}>${t('act.cancel')}</button>
    <button class=${`button ${question.danger ? 'danger' : 'primary'}`}>${question.yes}</button></div></form></dialog>`;
}
