import type { CarryingBatch } from '../../../shared/control/row-batches.ts';
import { type ComparedColumn, comparedColumns } from '../../../shared/operations/row/compare-columns.ts';
import type { RowLookup } from '../../../shared/operations/row/look-up-row.ts';
import { type RowLogEntry, rowLog } from '../../../shared/operations/row/row-log.ts';
import { missingPart } from '../part.ts';
import { badge } from '../ui/badge.ts';
import { formatBytes, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { empty, facts, heads, section, table } from '../ui/section.ts';

/** The row on both sides, column by column. */
export function rowSection(lookup: RowLookup, readAddress: string): Html {
  const { source, target } = lookup;
  const times = [
    ...(source.value === undefined ? [] : [html`the source ${showTime(source.value.readAt)}`]),
    ...(target.value?.rows ? [html`the target ${showTime(target.value.readAt)}`] : []),
  ];
  const columns = comparedColumns(lookup);
  const deleted = target.value?.rows?.some(({ isDeleted }) => isDeleted) === true;
  return section(
    'row',
    'Row on both sides',
    html`${source.error === undefined ? '' : missingPart('The source', source.error)}
${target.error === undefined ? '' : missingPart('The target', target.error)}
${target.value?.rows === null ? askToRead(target.value.bytes, readAddress) : ''}
${deleted ? html`<p>The target has a row with this key that is marked as deleted, which counts as none.</p>` : ''}
${columns.length === 0 ? '' : table('Row on both sides', heads('Column', 'Same?', 'Source', 'Target'), columns.map(columnRow), 'row')}
${times.length === 0 ? '' : html`<p class="note">Read ${times.length === 2 ? html`${times[0]} and ${times[1]}` : times[0]}, while batches of the view went on: one may have been applied in between.</p>`}`,
  );
}

const askToRead = (bytes: bigint, address: string): Html =>
  html`<p>To find the row in the target, BigQuery reads up to ${formatBytes(bytes)}, which it bills.
<a class="button" href="${address}">Read ${formatBytes(bytes)}</a></p>`;

function columnRow({ name, type, source, target, isDifferent }: ComparedColumn): Html {
  const same = isDifferent === null ? NONE : isDifferent ? badge('bad', 'differs') : badge('good', 'same');
  return html`<tr${isDifferent === true ? html` class="differs"` : ''}><th scope="row">${name}<span class="note">${type}</span></th>
<td>${same}</td><td>${valueCell(source)}</td><td>${valueCell(target)}</td></tr>`;
}

/** A value as JSON. */
export const valueCell = (json: string | null | undefined): Html =>
  json === undefined
    ? NONE
    : json === null
      ? html`<span class="none">NULL</span>`
      : html`<code class="value">${json}</code>`;

/** The log rows that named the row, with the batches that cover them. */
export function logSection(lookup: RowLookup): Html {
  const { source } = lookup;
  if (source.value === undefined) {
    return section('log', 'Log rows that name it', missingPart('The change log', source.error));
  }
  const rows = rowLog(lookup).map(
    (
      entry,
    ) => html`<tr><th scope="row" class="number">${String(entry.row.id)}</th><td>${showTime(entry.row.at)}</td><td>${entry.row.action}</td>
<td>${entry.table === '' ? NONE : entry.table}</td><td class="wrap">${entry.row.fields.length === 0 ? NONE : entry.row.fields.join(', ')}</td><td>${becameOf(entry)}</td></tr>`,
  );
  const head = heads('#Id', 'Time', 'Action', 'Table', 'Changed fields', 'Batch');
  return section(
    'log',
    'Log rows that name it',
    html`${rows.length === 0 ? empty('The log does not name this row, as far as its rows are kept.') : table('Log rows that name it', head, rows)}
<p class="note">Of each table the newest ten: those of the main table, and those of the lookup rows that the row points at now. The batch is the first whose captured ranges cover the log row.</p>`,
  );
}

function becameOf({ state, batch }: RowLogEntry): Html | string {
  if (state === 'ignored') return badge('off', 'skipped: no tracked column');
  if (state === 'waiting') return badge('busy', 'waits for a batch');
  return batch === null ? 'covered, but its batch is not kept any more' : batchLink(batch);
}

/** The batches that carried the row, as far as that is known. */
export function batchSection(view: string, { key, target, writer, covering, queued }: RowLookup): Html {
  const search = `/transactions?${new URLSearchParams({ view, key })}`;
  const copy = target.value?.rows?.[0];
  const others = [...new Map([...covering.values()].map((batch) => [batch.id, batch])).values()].filter(
    ({ id }) => id !== writer?.id,
  );
  return section(
    'batches',
    'Batches that carried it',
    html`${facts(
      [
        [
          'Last wrote the row of the target',
          writer !== null
            ? html`${batchLink(writer)} (${writer.kind}), applied ${showTime(writer.appliedAt)}`
            : copy === undefined
              ? NONE
              : copy.etlTransactionId === null
                ? 'no batch: the row has no number of one, so somebody else wrote it'
                : `batch ${copy.etlTransactionId}, which is not kept any more`,
        ],
        [
          'Cover log rows that name it',
          others.length === 0
            ? NONE
            : html`${others.map((batch) => html`<div>${batchLink(batch)} (${batch.kind}), applied ${showTime(batch.appliedAt)}</div>`)}`,
        ],
        [
          'Queued to be fetched again',
          queued.length === 0
            ? 'no'
            : html`${queued.map(({ kind, dueAt, etlTransactionId }) => html`<div>${kind}, due ${showTime(dueAt)}${etlTransactionId === null ? '' : html`, taken by <a href="/transactions/${etlTransactionId}">batch ${etlTransactionId}</a>`}</div>`)}`,
        ],
      ],
      'lines',
    )}<p class="note">A batch that covers a log row fetched the row as it was in the batch's snapshot. A complete batch carries every row.</p>`,
    html`<a href="${search}">Search the staged batches for this key</a>`,
  );
}

const batchLink = ({ id }: Pick<CarryingBatch, 'id'>): Html =>
  html`<a href="/transactions/${id}">batch ${id}</a>`;
