import { KINDS } from '../../../shared/model/batch.ts';
import { seesRows } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { type Html, html } from '../ui/html.ts';
import { dayInputs, showDay } from '../ui/time-input.ts';
import {
  CONSISTENT,
  FILTERS,
  type FilterName,
  listAddress,
  STATES,
  type TransactionQuery,
} from './transaction-query.ts';

const LABELS: Record<FilterName, string> = {
  view: 'View',
  state: 'State',
  kind: 'Kind',
  from: 'From',
  to: 'To',
  consistent: 'Consistent',
  key: 'Key',
};

/** The search by number, and the filters. A search by key is for whoever may see rows. */
export function filterForm(
  query: TransactionQuery,
  { views, user }: { views: readonly string[]; user: User },
): Html {
  // A view that was forgotten can still be in the address.
  const known = query.view === undefined || views.includes(query.view) ? views : [query.view, ...views];
  return html`<div class="filters"><form action="/transactions" role="search" aria-label="By number">
<label>Number <input name="number" inputmode="numeric" required pattern="\\s*#?\\d{1,18}\\s*" title="digits" autocomplete="off"></label>
<button>Go to</button></form>
<form action="/transactions" role="search" aria-label="By filters">
${choice('view', known, query.view)}${choice('state', STATES, query.state)}${choice('kind', KINDS, query.kind)}
${dayInputs(query)}
${choice('consistent', CONSISTENT, query.consistent)}
${seesRows(user) ? html`<label><span>Key <span class="note">(of the view)</span></span> <input name="key" value="${query.key ?? ''}" maxlength="1000" autocomplete="off"></label>` : ''}
<button class="main">Filter</button></form></div>`;
}

function choice(name: FilterName, values: readonly string[], chosen: string | undefined): Html {
  return html`<label>${LABELS[name]} <select name="${name}"><option value="">any</option>
${values.map((value) => html`<option${value === chosen ? html` selected` : ''}>${value}</option>`)}</select></label>`;
}

/** The filters that restrict the list, each with a link that removes it. */
export function activeFilters(query: TransactionQuery): Html | '' {
  const active = FILTERS.filter((name) => query[name] !== undefined);
  if (active.length === 0) return '';
  return html`<ul class="chips" aria-label="Active filters">${active.map(
    (name) =>
      html`<li>${LABELS[name]}: <strong>${name === 'from' || name === 'to' ? showDay(query[name] ?? '') : query[name]}</strong> <a href="${without(query, name)}" aria-label="Remove the filter ${LABELS[name]}">×</a></li>`,
  )}<li class="all"><a href="/transactions">Remove all</a></li></ul>`;
}

/** A key has no meaning without its view. */
function without(query: TransactionQuery, name: FilterName): string {
  const { older: _, newer: __, ...filters } = query;
  return listAddress({ ...filters, [name]: undefined, ...(name === 'view' && { key: undefined }) });
}
