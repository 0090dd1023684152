// A word in passing, at the bottom of the page.
import { html, useEffect, useState } from '../lib.js';

const STAYS_MS = 4000;
let shown = [];
let next = 0;
const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());

/** Shows a text for some seconds; `tone`: good, bad or calm. */
export function toast(text, tone = 'calm') {
  const id = (next += 1);
  shown = [...shown.slice(-2), { id, text, tone }];
  tell();
  setTimeout(() => {
    shown = shown.filter((one) => one.id !== id);
    tell();
  }, STAYS_MS);
}

/** Where they appear; once, in the shell. */
export function Toasts() {
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = () => turn((n) => n + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(({ id, text, tone }) => html`<p key=${id} class=${`toast ${tone}`}>${text}</p>`)}</div>`;
}
