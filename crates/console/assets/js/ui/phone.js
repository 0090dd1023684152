// What the person will see: the card on their telephone, from a dry run's `preview`.
import { html } from '../lib.js';
import { t } from '../i18n.js';

/** `preview`: `{title, rows: [{label, value}], dropped: [{field, reason}], tap: {to}}`. */
export function Phone({ preview, account }) {
  const { title, rows = [], dropped = [], tap } = preview;
  const leads = tap && tap.to !== 'nothing';
  return html`<figure class="phone"><figcaption>${t('phone.title')}</figcaption>
    <div class="phone-card"><p class="phone-account">${account}</p><p class="phone-title">${title}</p>
      <dl>${rows.map(({ label, value }, at) => html`<div key=${at}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
      ${leads && html`<p class="phone-tap">${t('phone.detail')} ›</p>`}</div>
    ${dropped.length > 0 && html`<ul class="dropped" aria-label=${t('phone.dropped')}>${dropped.map(({ field, reason }, at) => html`<li key=${at}><code>${field}</code> ${t(`dropped.${reason}`)}</li>`)}</ul>`}
  </figure>`;
}
