import type { Readable } from 'node:stream';
import type pg from 'pg';
import type { EtlTransaction } from '../../shared/control/batches.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import {
  copyOut,
  deletesStatement,
  planSlices,
  type RowSet,
  upsertsStatement,
} from '../../shared/source/fetch.ts';
import { findRefused } from '../../shared/source/find-refused.ts';
import { addPolicyValues, countPolicyValues, type PolicyValues } from '../../shared/source/policy-values.ts';
import { exportSnapshot, inExportedSnapshot } from '../../shared/source/snapshot.ts';
import type { BatchWriter, Manifest, StagedObject } from '../../shared/staging/staging.ts';

export type Staged = Pick<Manifest, 'upserts' | 'deletes' | 'bytes' | 'objects'> & {
  policyValues: PolicyValues;
};

/** What one COPY of rows came to. */
type StagedUpserts = { objects: StagedObject[]; policyValues: PolicyValues };

/**
 * Copies a batch's rows from the snapshot of `client` into staged objects, and its manifest last. The rows of a whole view
 * are copied in parallel slices of the same snapshot when the table is large; `isDirectLoad` says that they are loaded straight
 * into a streamed target.
 */
export async function stageRows(
  client: pg.ClientBase,
  view: SourceView,
  batch: EtlTransaction,
  isDirectLoad: boolean,
  signal: AbortSignal,
  dependencies: Dependencies,
): Promise<Staged> {
  const writer = await dependencies.staging.openBatch(batch.stagedPrefix);
  const upserts = batch.isComplete
    ? await stageWholeView(client, view, batch, isDirectLoad, writer, signal, dependencies)
    : [await stageUpserts(client, view, batch, writer, signal, { kind: 'captured' })];
  const deletes = batch.isComplete
    ? []
    : await copyOut(client, deletesStatement(view, batch.id), (lines) =>
        writer.write('deletes', lines, signal),
      );
  const upserted = upserts.flatMap((each) => each.objects);
  const objects = [...upserted, ...deletes];
  const staged = {
    upserts: total(upserted, 'rows'),
    deletes: total(deletes, 'rows'),
    bytes: total(objects, 'bytes'),
    objects,
  };
  await writer.writeManifest({
    view: view.name,
    etl_transaction_id: String(batch.id),
    columns: view.shape.columns,
    is_direct_load: isDirectLoad,
    ...staged,
  });
  return { ...staged, policyValues: addPolicyValues(upserts.map((each) => each.policyValues)) };
}

async function stageWholeView(
  client: pg.ClientBase,
  view: SourceView,
  batch: EtlTransaction,
  isDirectLoad: boolean,
  writer: BatchWriter,
  signal: AbortSignal,
  { config, slices: connections }: Dependencies,
): Promise<StagedUpserts[]> {
  const slices = await planSlices(client, view, config);
  const [whole] = slices;
  if (slices.length === 1 && whole !== undefined) {
    return [
      await stageUpserts(client, view, batch, writer, signal, { kind: 'slice', slice: whole, isDirectLoad }),
    ];
  }
  const snapshot = await exportSnapshot(client);
  // When one slice fails the others must not go on writing, nor hold their connections.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const staged = slices.map((slice) =>
    inExportedSnapshot(connections, snapshot, (sliceClient) =>
      stageUpserts(sliceClient, view, batch, writer, either, { kind: 'slice', slice, isDirectLoad }),
    ).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(staged);
  return await Promise.all(staged);
}

async function stageUpserts(
  client: pg.ClientBase,
  view: SourceView,
  batch: EtlTransaction,
  writer: BatchWriter,
  signal: AbortSignal,
  rows: RowSet,
): Promise<StagedUpserts> {
  const objects = await copyOut(
    client,
    upsertsStatement(view, rows, batch),
    (lines: Readable) => writer.write('upserts', lines, signal),
    () => findRefused(client, view, rows),
  );
  return { objects, policyValues: await countPolicyValues(client, view, rows) };
}

const total = (objects: StagedObject[], what: 'rows' | 'bytes'): number =>
  objects.reduce((sum, object) => sum + object[what], 0);
