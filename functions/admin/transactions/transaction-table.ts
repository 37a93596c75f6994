import type { ListedTransaction } from '../../../shared/control/transaction-list.ts';
import { rowText } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { formatNumber, formatSeconds, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { batchBadge, consistencyBadge } from './batch-badge.ts';

const SHOWN_CHARACTERS = 140;

export const transactionAddress = (id: bigint | string): string => `/transactions/${id}`;

/** A column that only some lists have. */
export type ExtraColumn = { title: string; cell: (transaction: ListedTransaction) => Html | string };

/** ETL transactions, one per row. */
export function transactionTable(rows: readonly ListedTransaction[], user: User, extra?: ExtraColumn): Html {
  return html`<div class="scroll"><table class="transactions"><thead><tr><th scope="col">Number</th><th scope="col">View</th>
${extra && html`<th scope="col">${extra.title}</th>`}<th scope="col">Kind</th><th scope="col">State</th><th scope="col">Started</th>
<th scope="col" class="number">Took</th><th scope="col" class="number">Log rows</th><th scope="col" class="number">Added</th>
<th scope="col" class="number">Changed</th><th scope="col" class="number">Deleted</th><th scope="col" class="number">Lag</th>
<th scope="col">Check</th></tr></thead>
<tbody>${rows.map((row) => tableRow(row, user, extra))}</tbody></table></div>`;
}

function tableRow(row: ListedTransaction, user: User, extra: ExtraColumn | undefined): Html {
  const { id, view, kind, state, attempt, error, isConsistent } = row;
  return html`<tr id="t${id}"><th scope="row"><a href="${transactionAddress(id)}">${id}</a></th>
<td><a href="/views/${encodeURIComponent(view)}">${view}</a></td>${extra && html`<td>${extra.cell(row)}</td>`}<td>${kind}</td>
<td>${batchBadge(state)}${attempt > 1 ? html` <span class="note">attempt ${attempt}</span>` : ''}${error === null ? '' : html`<span class="note why">${rowText(shortened(error), user)}</span>`}</td>
<td>${showTime(row.startedAt)}</td><td class="number">${formatSeconds(row.durationSeconds)}</td>
<td class="number">${formatNumber(row.logRows)}</td><td class="number">${count(row.added)}</td><td class="number">${count(row.changed)}</td>
<td class="number">${count(row.deleted)}</td><td class="number">${row.lagSeconds === null ? NONE : formatSeconds(row.lagSeconds)}</td>
<td>${isConsistent === null ? NONE : consistencyBadge(isConsistent)}</td></tr>`;
}

/** A count that may not be known yet. */
export const count = (value: bigint | null): string | Html => (value === null ? NONE : formatNumber(value));

const shortened = (text: string): string =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
