// A text while it is written: what the phone shows of it, what the word list finds, what could be better.
import { html, useEffect, useState } from '../lib.js';
import { api } from '../api.js';
import { Phone } from './phone.js';
import { Advice, Found } from './verdict.js';

/** After so long without a key it is asked for. */
const PAUSE_MS = 250;

const asked = async (draft) => {
  const [look, { advice }] = await Promise.all([api.post('/api/v1/content/check', draft), api.post('/api/v1/content/advise', draft)]);
  return { ...look, advice };
};

/** `{preview, findings, advice}` of a draft as it stands; while it cannot be read, the one before stays. */
export function useLook(draft) {
  const [look, show] = useState(null);
  const text = JSON.stringify(draft);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => asked(JSON.parse(text)).then((look) => !gone && show(look), () => {}), look ? PAUSE_MS : 0);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [text]);
  return look;
}

/** What stands beside a form. `children`: what a dry run said; with it, the words need not be shown twice. */
export const Look = ({ look, account, children }) => html`<div class="stack" aria-live="polite">${children}${look && html`<${Phone} preview=${look.preview} account=${account.name} />${!children && html`<${Found} findings=${look.findings} />`}<${Advice} advice=${look.advice} />`}</div>`;
