// Forms: each field with what the API says of it.
import { html, useState } from '../lib.js';
import { Trouble } from './basic.js';

/** `submit(values)` may throw a Problem: it is shown at its fields. `{values, put, problem, busy, onSubmit}`. */
export function useForm(initial, submit) {
  const [values, write] = useState(initial);
  const [shown, show] = useState({ problem: null, busy: false });
  const put = (name, value) => write((before) => ({ ...before, [name]: value }));
  const onSubmit = async (event) => {
    event?.preventDefault();
    show({ problem: null, busy: true });
    try {
      await submit(values);
      show({ problem: null, busy: false });
    } catch (problem) {
      show({ problem, busy: false });
    }
  };
  return { values, put, onSubmit, ...shown };
}

/** One field of a form of `useForm`. `options`: a choice; `type`: as of an input, or `textarea`. */
export function Field({ form, name, label, hint, type = 'text', options, at = name, ...rest }) {
  const id = `field-${name}`;
  const fault = form.problem?.of?.(at) || '';
  const common = {
    id, name, 'aria-invalid': Boolean(fault), 'aria-describedby': `${id}-hint`, onInput: (event) => form.put(name, event.target.value), ...rest,
  };
  const value = form.values[name] ?? '';
  // Nothing chosen yet is the first, as the browser shows it.
  const chosen = value || options?.[0]?.[0];
  const input = options
    ? html`<select ...${common} value=${chosen}>${options.map(([word, text]) => html`<option key=${word} value=${word} selected=${word === chosen}>${text}</option>`)}</select>`
    : type === 'textarea' ? html`<textarea rows="4" ...${common} value=${value} />` : html`<input ...${common} type=${type} value=${value} />`;
  return html`<div class=${`field ${fault ? 'wrong' : ''}`}><label for=${id}>${label}</label>${input}
    <p class="hint" id=${`${id}-hint`}>${fault ? html`<strong class="fault">${fault}</strong>` : hint}</p></div>`;
}

/** A yes or no of a form of `useForm`. */
export const Check = ({ form, name, label }) => html`<label class="check">
  <input type="checkbox" name=${name} checked=${Boolean(form.values[name])} onChange=${(event) => form.put(name, event.target.checked)} />${label}</label>`;

/** What is wrong and has no field of its own on this form. `fields`: those that are shown. */
export function FormTrouble({ form, fields = [] }) {
  const { problem } = form;
  if (!problem || (problem.errors?.length && problem.errors.every((error) => fields.includes(error.field)))) return null;
  const others = (problem.errors || []).filter((error) => !fields.includes(error.field));
  return html`<div><${Trouble} problem=${problem} />${others.length > 1 && html`<ul class="faults">${others.map((error) => html`<li key=${error.field}><code>${error.field}</code> ${error.message}</li>`)}</ul>`}</div>`;
}
