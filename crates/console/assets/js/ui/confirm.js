// Asks before something is done that cannot be undone.
import { html, useEffect, useRef, useState } from '../lib.js';
import { t } from '../i18n.js';

let open = null;

/** Asks; gives whether it was said yes. `await ask({title, text, yes, danger})` */
export const ask = (question) => new Promise((answer) => open?.({ ...question, answer }));

/** Where it appears; once, in the shell. */
export function Confirm() {
  const [question, show] = useState(null);
  const dialog = useRef(null);
  useEffect(() => {
    open = show;
  }, []);
  useEffect(() => {
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
  return html`<dialog ref=${dialog} onCancel=${escape} aria-labelledby="confirm-title">
    <h2 id="confirm-title">${question.title}</h2><p>${question.text}</p>
    <div class="actions"><button type="button" class="button" onClick=${() => close(false)}>${t('act.cancel')}</button>
    <button type="button" class=${`button ${question.danger ? 'danger' : 'primary'}`} onClick=${() => close(true)}>${question.yes}</button></div></dialog>`;
}
