import type pg from 'pg';
import type { RowWriter } from '../../shared/model/column-writer.ts';
import type { StagedObject } from '../../shared/model/staged-format.ts';
import { abortable } from '../../shared/postgres/unresponsive.ts';
import { type CopyShape, type LongRow, TupleEncoder } from '../../shared/source/decode/encode-rows.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import {
  copyRows,
  deleteRows,
  deletesStatement,
  type RowSet,
  upsertRows,
  upsertsStatement,
} from '../../shared/source/fetch.ts';
import { findUnreadable, refusedValues } from '../../shared/source/find-refused.ts';
import { type ReplacedValues, replacedByColumn } from '../../shared/source/policy-values.ts';
import type { BatchWriter } from '../../shared/staging/staging.ts';

/** Encodes the rows of one COPY, and writes them. */
export type SetWriter = Pick<BatchWriter, 'write'> & { openRows: () => RowWriter };

/** The result of one COPY. `longRow`: a row does not fit the format, and none is to be used. */
export type CopiedSet = {
  objects: StagedObject[];
  replaced: ReplacedValues;
  longRow: LongRow | null;
  /** Whether it is proven that each row has a key, and one of its own. */
  hasOwnKeys: boolean;
};

type SetOfRows = { view: SourceView; rows: CopyShape; statement: string; set: 'upserts' | 'deletes' };

/** Copies rows of the view from the snapshot of `client`. Throws `bad_data`, which names key and column, for a value that stops the batch. */
export async function copyUpserts(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
  writer: SetWriter,
  signal: AbortSignal,
): Promise<CopiedSet> {
  const copied: SetOfRows = {
    view,
    rows: upsertRows(view, rows),
    statement: upsertsStatement(view, rows),
    set: 'upserts',
  };
  return await copySet(client, copied, writer, signal, () =>
    abortable(client, signal, () => findUnreadable(client, view, rows)),
  );
}

/** Copies the captured keys that the view does not have. */
export async function copyDeletes(
  client: pg.ClientBase,
  view: SourceView,
  writer: SetWriter,
  signal: AbortSignal,
): Promise<StagedObject[]> {
  const copied: SetOfRows = {
    view,
    rows: deleteRows(view),
    statement: deletesStatement(view),
    set: 'deletes',
  };
  return (await copySet(client, copied, writer, signal)).objects;
}

async function copySet(
  client: pg.ClientBase,
  { view, rows, statement, set }: SetOfRows,
  writer: SetWriter,
  signal: AbortSignal,
  diagnose?: Parameters<typeof copyRows>[3],
): Promise<CopiedSet> {
  const encoder = new TupleEncoder(rows, writer.openRows());
  const objects = await copyRows(
    client,
    statement,
    (chunks) => writer.write(set, encoder.blocks(chunks), signal),
    diagnose,
  );
  const refused = refusedValues(view, rows.columns, encoder.refusals);
  if (refused !== null) throw refused;
  const { replaced, longRow, keyProof } = encoder;
  return {
    objects,
    replaced: replacedByColumn(rows.columns, replaced),
    longRow,
    hasOwnKeys: keyProof.isProven,
  };
}
