// A bar: how much of the most. With `low` and `high` the span in which the value truly lies, with `mark` a value to compare with; `bad`: it is too much.
import { html } from '../lib.js';

const WIDTH = 1000;

export function Bar({ value, most, low, high, mark, label, bad }) {
  const x = (n) => Math.round((Math.min(Math.max(n, 0), most) / most) * WIDTH);
  return html`<svg class=${`bar-box ${bad ? 'bad' : ''}`} viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" role=${label ? 'img' : undefined} aria-label=${label} aria-hidden=${label ? undefined : 'true'}><rect x="0" y="0" width=${x(value)} height="10" rx="4" />
    ${high !== undefined && html`<rect class="band" x=${x(low)} y="0" width=${x(high) - x(low)} height="10" />`}${mark !== undefined && html`<rect class="edge" x=${x(mark) - 12} y="0" width="24" height="10" /><rect class="mark" x=${x(mark) - 5} y="0" width="10" height="10" />`}</svg>`;
}
