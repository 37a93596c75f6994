import type pg from 'pg';
import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { RowWriter } from '../../shared/model/column-writer.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { assertUniqueKeys, hasNullKey } from '../../shared/source/capture.ts';
import { RowEncoder } from '../../shared/source/decode/encode-rows.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import {
  copyOut,
  deleteRows,
  deletesStatement,
  type RowSet,
  upsertRows,
  upsertsStatement,
} from '../../shared/source/fetch.ts';
import { findUnreadable, refusedValues } from '../../shared/source/find-refused.ts';
import { planSlices } from '../../shared/source/plan-slices.ts';
import { addPolicyValues, type ReplacedValues, replacedByColumn } from '../../shared/source/policy-values.ts';
import { exportSnapshot, inExportedSnapshot } from '../../shared/source/snapshot.ts';
import type { RowFormat } from '../../shared/staging/format/row-format.ts';
import type { BatchWriter, Manifest, StagedObject } from '../../shared/staging/staging.ts';
import { formatsOf } from './formats-of.ts';

/** What is copied: the rows of a batch. `isDirectLoad` says that a load job brings them straight into a streamed target. */
export type Copy = {
  view: SourceView;
  batch: EtlTransaction;
  hasDeletes: boolean;
  isDirectLoad: boolean;
  signal: AbortSignal;
};

export type CopiedRows = Pick<Manifest, 'format' | 'upserts' | 'deletes' | 'bytes' | 'objects'> & {
  replaced: ReplacedValues;
};

/** Encodes the rows of a batch, and writes them. */
type RowsWriter = Pick<BatchWriter, 'write'> & { openRows: () => RowWriter };

/** The result of one COPY of upserts. `hasLongRow`: a row does not fit the format, and none is to be used. */
type CopiedUpserts = {
  objects: StagedObject[];
  replaced: ReplacedValues;
  hasLongRow: boolean;
  hasOwnKeys: boolean;
};

/**
 * Copies a batch's rows from the snapshot of `client` into staged objects, and writes the manifest last. A whole view of a large table is
 * copied in parallel slices of the same snapshot.
 */
export async function copyRows(
  client: pg.ClientBase,
  copy: Copy,
  dependencies: Dependencies,
): Promise<CopiedRows> {
  const { view, batch, isDirectLoad } = copy;
  for (const format of formatsOf(view, batch, isDirectLoad)) {
    const copied = await copyAs(format, client, copy, dependencies);
    if (copied !== null) return copied;
  }
  throw new DataHubError('bug', `no format takes the rows of ETL transaction ${batch.id}`);
}

/** Returns null, and writes no manifest, if a row is too long for the format. */
async function copyAs(
  format: RowFormat,
  client: pg.ClientBase,
  copy: Copy,
  dependencies: Dependencies,
): Promise<CopiedRows | null> {
  const { view, batch, isDirectLoad } = copy;
  const objectsOf = await dependencies.staging.openBatch(batch.stagedPrefix, format);
  const openRows = () => format.openRows(dependencies.config.maxPartBytes);
  const writer: RowsWriter = { openRows, write: objectsOf.write };
  const copied = batch.isComplete
    ? await copyWholeView(client, copy, writer, dependencies)
    : [await copyUpserts(client, copy, writer, { kind: 'captured' })];
  if (copied.some(({ hasLongRow }) => hasLongRow)) return null;
  if (batch.isComplete && !(await haveOwnKeys(client, view, copied))) await assertUniqueKeys(client, view);
  const deletes = copy.hasDeletes ? await copyDeletes(client, copy, writer) : [];
  const upserts = copied.flatMap((each) => each.objects);
  const objects = [...upserts, ...deletes];
  const rows = {
    format: format.name,
    upserts: total(upserts, 'rows'),
    deletes: total(deletes, 'rows'),
    bytes: total(objects, 'bytes'),
    objects,
  };
  await objectsOf.writeManifest({
    view: view.name,
    etl_transaction_id: String(batch.id),
    columns: view.shape.columns,
    codec: format.codec,
    descriptor: format.descriptor,
    is_direct_load: isDirectLoad,
    ...rows,
  });
  return {
    ...rows,
    replaced: {
      unrepresentable: addPolicyValues(copied.map(({ replaced }) => replaced.unrepresentable)),
      nullArray: addPolicyValues(copied.map(({ replaced }) => replaced.nullArray)),
    },
  };
}

/** Whether the copies prove that each row has a key of its own. Slices have no key in common, and none with NULL. */
async function haveOwnKeys(
  client: pg.ClientBase,
  view: SourceView,
  copied: CopiedUpserts[],
): Promise<boolean> {
  if (!copied.every(({ hasOwnKeys }) => hasOwnKeys)) return false;
  return copied.length === 1 || !(await hasNullKey(client, view));
}

async function copyWholeView(
  client: pg.ClientBase,
  copy: Copy,
  writer: RowsWriter,
  { config, slices: connections }: Dependencies,
): Promise<CopiedUpserts[]> {
  const { isDirectLoad } = copy;
  const slices = await planSlices(client, copy.view, config);
  const [whole] = slices;
  if (slices.length === 1 && whole !== undefined) {
    return [await copyUpserts(client, copy, writer, { kind: 'slice', slice: whole, isDirectLoad })];
  }
  const snapshot = await exportSnapshot(client);
  // When one slice fails, the others must stop writing and release their connections.
  const failed = new AbortController();
  const signal = AbortSignal.any([copy.signal, failed.signal]);
  const copies = slices.map((slice) =>
    inExportedSnapshot(connections, snapshot, (sliceClient) =>
      copyUpserts(sliceClient, { ...copy, signal }, writer, { kind: 'slice', slice, isDirectLoad }),
    ).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(copies);
  return await Promise.all(copies);
}

async function copyUpserts(
  client: pg.ClientBase,
  { view, signal }: Copy,
  writer: RowsWriter,
  rows: RowSet,
): Promise<CopiedUpserts> {
  const copied = upsertRows(view, rows);
  const encoder = new RowEncoder(copied, writer.openRows());
  const objects = await copyOut(
    client,
    upsertsStatement(view, rows),
    (chunks) => writer.write('upserts', encoder.blocks(chunks), signal),
    () => findUnreadable(client, view, rows),
  );
  const refused = refusedValues(view, copied.columns, encoder.refusals);
  if (refused !== null) throw refused;
  const { replaced, hasLongRow, keyProof } = encoder;
  return {
    objects,
    replaced: replacedByColumn(copied.columns, replaced),
    hasLongRow,
    hasOwnKeys: keyProof.isProven,
  };
}

async function copyDeletes(
  client: pg.ClientBase,
  { view, signal }: Copy,
  writer: RowsWriter,
): Promise<StagedObject[]> {
  const copied = deleteRows(view);
  const encoder = new RowEncoder(copied, writer.openRows());
  const objects = await copyOut(client, deletesStatement(view), (chunks) =>
    writer.write('deletes', encoder.blocks(chunks), signal),
  );
  const refused = refusedValues(view, copied.columns, encoder.refusals);
  if (refused !== null) throw refused;
  return objects;
}

const total = (objects: StagedObject[], what: 'rows' | 'bytes'): number =>
  objects.reduce((sum, object) => sum + object[what], 0);
