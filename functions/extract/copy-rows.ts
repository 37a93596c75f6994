import type pg from 'pg';
import type { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import { WHOLE } from '../../shared/model/slice.ts';
import type { StagedObject } from '../../shared/model/staged-format.ts';
import { abortable } from '../../shared/postgres/unresponsive.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { assertUniqueKeys } from '../../shared/source/capture.ts';
import type { LongRow } from '../../shared/source/decode/encode-rows.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { RowSet } from '../../shared/source/fetch.ts';
import type { ReplacedValues } from '../../shared/source/policy-values.ts';
import type { RowFormat } from '../../shared/staging/format/row-format.ts';
import type { BatchWriter, Manifest } from '../../shared/staging/staging.ts';
import { copyDeletes, copyUpserts } from './copy-set.ts';
import { formatsOf } from './formats-of.ts';
import { refusedLongRow } from './refused-long-row.ts';

/** What is copied: the rows of a batch. */
export type Copy = { view: SourceView; batch: EtlTransaction; hasDeletes: boolean };

export type CopiedRows = Pick<Manifest, 'format' | 'upserts' | 'deletes' | 'bytes' | 'objects'> & {
  replaced: ReplacedValues;
};

/** Copies a batch's rows from the snapshot of `client` into staged objects, and writes the manifest last. */
export async function copyBatch(
  client: pg.ClientBase,
  copy: Copy,
  signal: AbortSignal,
  dependencies: Dependencies,
): Promise<CopiedRows> {
  const { view, batch } = copy;
  let refused: DataHubError | undefined;
  for (const format of formatsOf(view, batch)) {
    const copied = await copyAs(format, client, copy, signal, dependencies);
    if (!('longRow' in copied)) return copied;
    refused = refusedLongRow(view.name, copied.longRow, format);
  }
  throw refused ?? new RangeError(`view ${view.name} has no format`);
}

/** Returns the row, and writes no manifest, if one is too long for the format. */
async function copyAs(
  format: RowFormat,
  client: pg.ClientBase,
  copy: Copy,
  signal: AbortSignal,
  { config, staging }: Dependencies,
): Promise<CopiedRows | { longRow: LongRow }> {
  const { view, batch, hasDeletes } = copy;
  const objects = await staging.openBatch(batch.stagedPrefix, format);
  const writer = (place: number) => ({
    write: objects.write,
    openRows: () => format.openRows(config.maxPartBytes, place),
  });
  const rows: RowSet = batch.isComplete
    ? { kind: 'slice', slice: WHOLE, isDirectLoad: batch.isDirectLoad }
    : { kind: 'captured' };
  const copied = await copyUpserts(client, view, rows, writer(0), signal);
  if (copied.longRow !== null) return { longRow: copied.longRow };
  if (batch.isComplete && !copied.hasOwnKeys)
    await abortable(client, signal, () => assertUniqueKeys(client, view));
  const deletes = hasDeletes ? await copyDeletes(client, view, writer(1), signal) : [];
  return await completeBatch(objects, format, copy, { ...copied, upserts: copied.objects, deletes });
}

/** Writes the manifest of a batch whose rows are all staged. */
export async function completeBatch(
  { writeManifest }: Pick<BatchWriter, 'writeManifest'>,
  { name, codec, descriptor }: Pick<RowFormat, 'name' | 'codec' | 'descriptor'>,
  { view, batch }: Copy,
  {
    upserts,
    deletes,
    replaced,
  }: { upserts: StagedObject[]; deletes: StagedObject[]; replaced: ReplacedValues },
): Promise<CopiedRows> {
  const objects = [...upserts, ...deletes];
  const rows = {
    format: name,
    upserts: total(upserts, 'rows'),
    deletes: total(deletes, 'rows'),
    bytes: total(objects, 'bytes'),
    objects,
  };
  await writeManifest({
    view: view.name,
    etl_transaction_id: String(batch.id),
    columns: view.shape.columns,
    codec,
    descriptor,
    direct_load: batch.isDirectLoad,
    ...rows,
  });
  return { ...rows, replaced };
}

const total = (objects: StagedObject[], what: 'rows' | 'bytes'): number =>
  objects.reduce((sum, object) => sum + object[what], 0);
