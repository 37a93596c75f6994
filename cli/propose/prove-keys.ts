import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import { readBriefly } from '../../shared/source/read-briefly.ts';

/** What all rows of a view say about columns that may be its key. */
export type KeyProof = {
  rows: number;
  /** How long reading the rows took. */
  tookMs: number;
  /** By column: the rows without a value, and the different values. */
  columns: Map<string, { nulls: number; distinct: number }>;
};

/** Reads all rows of the view. Null if that takes longer than `seconds`. */
export async function proveKeys(
  client: Queryable,
  relation: string,
  { columns, seconds }: { columns: readonly string[]; seconds: number },
): Promise<KeyProof | null> {
  const startedAt = performance.now();
  const counts = columns.flatMap((column, i) => [
    `count(${quoteIdentifier(column)}) as "present${i}"`,
    `count(distinct ${quoteIdentifier(column)}) as "distinct${i}"`,
  ]);
  const counted = await readBriefly(
    client,
    async () =>
      (await client.query(`select ${['count(*) as rows', ...counts].join(', ')} from ${relation}`))
        .rows[0] as Record<string, bigint>,
    seconds,
  );
  if (counted === null) return null;
  const number = (name: string): number => Number(counted[name]);
  const rows = number('rows');
  return {
    rows,
    tookMs: performance.now() - startedAt,
    columns: new Map(
      columns.map((column, i) => [
        column,
        { nulls: rows - number(`present${i}`), distinct: number(`distinct${i}`) },
      ]),
    ),
  };
}

/** Whether each row has a value of its own in the column. */
export function isProven({ rows, columns }: KeyProof, column: string): boolean {
  const found = columns.get(column);
  return found !== undefined && found.nulls === 0 && found.distinct === rows;
}

/** Completes a sentence that begins with the column. */
export function describeProof({ rows, tookMs, columns }: KeyProof, column: string): string {
  const { nulls = 0, distinct = 0 } = columns.get(column) ?? {};
  const read = `${rows.toLocaleString('en')} rows, read in ${describeTime(tookMs)}`;
  if (nulls + distinct === rows && nulls === 0) return `unique and never NULL in ${read}`;
  const why = [
    ...(nulls > 0 ? [`NULL in ${nulls.toLocaleString('en')}`] : []),
    ...(distinct < rows - nulls ? [`has ${distinct.toLocaleString('en')} different values`] : []),
  ];
  return `${why.join(' and ')} of ${read}`;
}

const describeTime = (ms: number): string =>
  ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
