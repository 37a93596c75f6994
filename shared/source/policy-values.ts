import type pg from 'pg';
import type { SourceView } from './describe-view.ts';
import { columnsOf, copiedColumns, type RowSet, rowsOf } from './fetch.ts';
import { type Replacement, replacedValues } from './source-column.ts';
import { writtenRows } from './text-settings.ts';

/** How many values of a column BigQuery could not hold and arrived as the column's policies say, by column. Columns without any are left out. */
export type PolicyValues = Record<string, number>;

/** The same, by why they were replaced. A NULL array says nothing about the other values of its column. */
export type ReplacedValues = Record<Replacement, PolicyValues>;

/**
 * Counts these values among the rows, in the snapshot of `client`. This reads the rows a second time, unless no column has a
 * policy and none is an array.
 */
export async function countPolicyValues(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
): Promise<ReplacedValues> {
  const replaced = columnsOf(view, rows).flatMap((column) =>
    replacedValues(column).map((values) => ({ name: column.name, ...values })),
  );
  if (replaced.length === 0) return { unrepresentable: {}, nullArray: {} };
  const conditions = replaced.map(({ when }, i) => `${when} as c${i}`);
  const counts = replaced.map((_, i) => `count(*) filter (where c${i})`);
  const judged = writtenRows(view.textSettings, {
    columns: copiedColumns(view),
    from: rowsOf(view, rows),
    write: (from) => `select ${conditions.join(', ')} from ${from}`,
  });
  const counted = await client.query({
    text: `select ${counts.join(', ')} from (${judged}) judged`,
    rowMode: 'array',
  });
  const [found = []] = counted.rows as bigint[][];
  const countsOf = (wanted: Replacement): PolicyValues =>
    Object.fromEntries(
      replaced.flatMap(({ name, why }, i) => (why === wanted && found[i] ? [[name, Number(found[i])]] : [])),
    );
  return { unrepresentable: countsOf('unrepresentable'), nullArray: countsOf('nullArray') };
}

/** Adds several counts, column by column. */
export function addPolicyValues(counted: readonly PolicyValues[]): PolicyValues {
  const sums = new Map<string, number>();
  for (const [column, count] of counted.flatMap((values) => Object.entries(values))) {
    sums.set(column, (sums.get(column) ?? 0) + count);
  }
  return Object.fromEntries(sums);
}
