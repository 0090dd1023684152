// A sheet of what a page shows, made in the browser: the API has the same as JSON.
import { html } from '../lib.js';
import { t, words } from '../i18n.js';

words({ zh: { 'csv.save': '下载 CSV' }, en: { 'csv.save': 'Download CSV' } });

/** Spreadsheets take a text that begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;
const KEPT_MS = 10000;

function cell(value) {
  const text = String(value ?? '');
  const safe = FORMULA.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The sheet with a mark of UTF-8, which Excel asks for. */
export const sheet = (rows) => `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;

function save(name, rows) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([sheet(rows)], { type: 'text/csv;charset=utf-8' }));
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** `rows()`: a list of lists, the first names the columns. */
export const Sheet = ({ name, rows }) => html`<button type="button" class="button small" onClick=${() => save(name, rows())}>${t('csv.save')}</button>`;
