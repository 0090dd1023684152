// Choices that hold at once and stand in the address.
import { html } from '../lib.js';
import { useQuery } from '../router.js';

/** `fields`: `[{name, label, options: [[value, text]]}]`; the first option stands for an address without one. */
export function Picks({ fields, children }) {
  const [query, set] = useQuery();
  const pick = (name, options) => (event) => set({ [name]: event.target.value === options[0][0] ? '' : event.target.value });
  return html`<div class="picks">${fields.map(({ name, label, options }) => html`<label class="filter" key=${name}><span>${label}</span>
    <select name=${name} value=${query[name] || options[0][0]} onChange=${pick(name, options)}>${options.map(([value, text]) => html`<option key=${value} value=${value} selected=${value === (query[name] || options[0][0])}>${text}</option>`)}</select></label>`)}${children}</div>`;
}
