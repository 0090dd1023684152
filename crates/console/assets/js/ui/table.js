// A table with cursor paging and filters; the address holds both.
import { html, useEffect, useState } from '../lib.js';
import { asTime, localOf } from '../clock.js';
import { t } from '../i18n.js';
import { useQuery } from '../router.js';
import { Empty, Loading, Trouble } from './basic.js';

const TIME = 'datetime-local';

/**
 * `columns`: `[{key, label, cell(row), num, wide}]`; `rows`; `id(row)`; `empty`: what stands there without rows.
 * On narrow screens each row becomes a card with its labels.
 */
export function Table({ columns, rows, id, empty, label }) {
  if (!rows.length) return empty || html`<${Empty} />`;
  const cell = (row, { key, label, cell, num }) => html`<td key=${key} class=${num ? 'num' : ''} data-label=${label}>${cell ? cell(row) : row[key]}</td>`;
  return html`<div class="table-box" role="region" aria-label=${label || t('table.label')} tabindex="0"><table>
    <thead><tr>${columns.map(({ key, label, num }) => html`<th key=${key} scope="col" class=${num ? 'num' : ''}>${label}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${id(row)}>${columns.map((column) => cell(row, column))}</tr>`)}</tbody></table></div>`;
}

/** The table of a page of the API: `{data, problem, loading, again}` of `useData`, `of(data)` its rows. */
export function PagedTable({ page, of, ...table }) {
  const [query, set] = useQuery();
  if (page.problem && !page.data) return html`<${Trouble} problem=${page.problem} again=${page.again} />`;
  if (!page.data) return html`<${Loading} />`;
  const next = page.data.next_cursor;
  return html`<div aria-busy=${page.loading}><${Trouble} problem=${page.problem} again=${page.again} />
    <${Table} rows=${of(page.data)} ...${table} />
    ${(next || query.cursor) && html`<nav class="paging" aria-label=${t('table.label')}>
      ${query.cursor && html`<button type="button" class="button" onClick=${() => set({})}>${t('act.first')}</button>`}
      ${next && html`<button type="button" class="button" onClick=${() => set({ cursor: next })}>${t('act.next')}</button>`}</nav>`}</div>`;
}

/**
 * Filters whose values stand in the address: `fields`: `[{name, label, options: [[value, text]] | undefined, none, type, more}]`.
 * Choices hold at once, texts with Enter or the button; those with `more` fold away until one is used. A `datetime-local`
 * is a time of the API in the address; `none` is what an empty choice is called.
 */
export function Filters({ fields }) {
  const [query, set] = useQuery();
  const [draft, write] = useState({});
  const place = JSON.stringify(query);
  const ofTime = (name) => fields.some((field) => field.name === name && field.type === TIME);
  const asTyped = () => Object.fromEntries(Object.entries(query).map(([name, value]) => [name, ofTime(name) && Date.parse(value) ? localOf(value) : value]));
  useEffect(() => write(asTyped()), [place]);
  const put = (name, value) => write((before) => ({ ...before, [name]: value }));
  const submit = (event) => {
    event.preventDefault();
    set(Object.fromEntries(fields.map(({ name, type }) => [name, type === TIME ? asTime(draft[name]) : (draft[name] || '').trim()])));
  };
  const clear = () => set(Object.fromEntries(fields.map(({ name }) => [name, ''])));
  const input = ({ name, label, options, none, type = 'text' }) => html`<label class="filter" key=${name}><span>${label}</span>
    ${options
      ? html`<select name=${name} value=${query[name] || ''} onChange=${(event) => set({ [name]: event.target.value })}>
          <option value="">${none || t('word.all')}</option>
          ${options.map(([value, text]) => html`<option key=${value} value=${value} selected=${query[name] === value}>${text}</option>`)}</select>`
      : html`<input name=${name} type=${type} value=${draft[name] || ''} onInput=${(event) => put(name, event.target.value)} />`}</label>`;
  const [first, more] = [fields.filter((field) => !field.more), fields.filter((field) => field.more)];
  const used = more.some(({ name }) => query[name]);
  return html`<form class="filters" onSubmit=${submit} role="search">
    <div class="filter-row">${first.map(input)}
      <div class="filter-acts"><button class="button primary">${t('act.search')}</button>
      ${fields.some(({ name }) => query[name]) && html`<button type="button" class="button" onClick=${clear}>${t('act.clear')}</button>`}</div></div>
    ${more.length > 0 && html`<details open=${used}><summary>${t('act.more_filters')}</summary><div class="filter-row">${more.map(input)}</div></details>`}
  </form>`;
}
