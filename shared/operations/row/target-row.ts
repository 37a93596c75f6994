import { randomUUID } from 'node:crypto';
import { Deadline } from '../../deadline.ts';
import { DataHubError } from '../../errors.ts';
import type { Column, TableShape } from '../../model/columns.ts';
import { LookSize } from '../../model/look-size.ts';
import type { ViewSource } from '../../model/view-source.ts';
import type { Dependencies } from '../../runtime/dependencies.ts';
import { columnOf } from '../../warehouse/columns-match.ts';
import type { TargetRow } from '../../warehouse/compare-rows.ts';
import { targetColumns } from '../../warehouse/tables-sql.ts';
import type { SourceRow } from './source-row.ts';

/** What was found in the target. */
export type TargetLook = {
  /** The columns that were read, in the order of the values: those that the view has, too. */
  columns: Column[];
  /** Bytes that the query reads at most, as BigQuery estimates. */
  bytes: bigint;
  /** Null if the query was not run: it would read much, and nobody has agreed to that. */
  rows: (TargetRow & { isDeleted: boolean })[] | null;
  readAt: Date;
};

/** A query that reads more is run only when the operator has seen how much. On demand, it costs about half a cent. */
export const FREE_BYTES = 1_000_000_000n;

type Wanted = { key: string; source: SourceRow | null; mayRead: boolean; seconds: number };

/** Reads the row of the target with this key, also one that is marked as deleted. Throws `invalid_event` if the view limits what a query may read. */
export async function readTargetRow(
  viewSource: ViewSource,
  { key, source, mayRead, seconds }: Wanted,
  { clock, warehouse }: Dependencies,
): Promise<TargetLook> {
  const { maxCheckBytes, loadType } = viewSource;
  const shape = await readShape(viewSource, source, warehouse);
  const { columns } = shape;
  const compared = { shape, columns, buckets: 1, window: source?.window ?? null, asOf: null };
  const bytes = await warehouse.estimateBytes(compared, null);
  const readAt = new Date(clock.nowMs());
  if (maxCheckBytes !== null && bytes > maxCheckBytes) throw tooLarge(viewSource, bytes);
  if (bytes > FREE_BYTES && !mayRead) return { columns, bytes, rows: null, readAt };
  using deadline = new Deadline(clock, seconds);
  const query = { ...compared, runName: `row-${clock.nowMs()}-${randomUUID()}`, maxBytes: maxCheckBytes };
  const rows =
    loadType === 'merge'
      ? await warehouse.readRowStates(query, [key], new LookSize(shape.view), deadline)
      : (await warehouse.readComparedRows(query, [key], deadline)).map((row) => ({
          ...row,
          isDeleted: false,
        }));
  return { columns, bytes, rows, readAt };
}

/** The columns of the target that the view has, too; if the source cannot be read, all that batches write. */
async function readShape(
  viewSource: ViewSource,
  source: SourceRow | null,
  warehouse: Dependencies['warehouse'],
): Promise<TableShape & { columns: Column[] }> {
  const { name, targetName, keyColumn, loadType } = viewSource;
  const found = await warehouse.findTarget(viewSource);
  if (found === null) {
    throw new DataHubError('invalid_event', `The target of view ${name} does not exist.`, {
      advice: 'The first extract of the view makes it.',
    });
  }
  const fields = found.fields.map(columnOf);
  const own = new Set(targetColumns({ columns: [], loadType }).map((column) => column.name));
  const columns =
    source === null
      ? fields.filter((column) => !own.has(column.name))
      : source.view.shape.columns.filter((column) =>
          fields.some(
            ({ name: field, type, mode }) =>
              field === column.name && type === column.type && mode === column.mode,
          ),
        );
  return { view: name, target: targetName, keyColumn, loadType, columns };
}

function tooLarge({ name, maxCheckBytes }: ViewSource, bytes: bigint): DataHubError {
  return new DataHubError(
    'invalid_event',
    `The query would read up to ${bytes} bytes, and max_check_bytes of view ${name} allows ${maxCheckBytes}.`,
    { advice: 'Raise max_check_bytes in the view source, or look the row up in BigQuery by hand.' },
  );
}
