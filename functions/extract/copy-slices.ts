import type pg from 'pg';
import type { Lease } from '../../shared/control/leases.ts';
import type { CopiedSlice, PlannedSlice, SlicedCopy } from '../../shared/control/sliced-copies.ts';
import { type Deadline, DeadlineExceeded } from '../../shared/deadline.ts';
import { DataHubError } from '../../shared/errors.ts';
import { QUERY_CANCELED } from '../../shared/postgres/sqlstate.ts';
import { abortable } from '../../shared/postgres/unresponsive.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { assertUniqueKeys } from '../../shared/source/capture.ts';
import type { LongRow } from '../../shared/source/decode/encode-rows.ts';
import { addPolicyValues } from '../../shared/source/policy-values.ts';
import { type ExportedSnapshot, exportSnapshot, inExportedSnapshot } from '../../shared/source/snapshot.ts';
import type { RowFormat } from '../../shared/staging/format/row-format.ts';
import type { BatchWriter } from '../../shared/staging/staging.ts';
import { type CopiedRows, type Copy, completeBatch } from './copy-rows.ts';
import { copyUpserts } from './copy-set.ts';
import { formatsOf } from './formats-of.ts';
import { refusedLongRow } from './refused-long-row.ts';

/** A copy in slices, and what this call has for it. */
export type SlicedWork = Copy & { lease: Lease; deadline: Deadline };

/** What a call made of the slices that were left. `tooSlow`: what a call, or a statement, has no time for. */
type Outcome = { copied: number; tooSlow: PlannedSlice[]; longRow: LongRow | null };

/** What the slices of one call share. */
type Call = SlicedWork & {
  format: RowFormat;
  partBytes: number;
  objects: BatchWriter;
  snapshot: ExportedSnapshot;
};

/** A slice is begun if so many times the time of the slowest one is left. */
const TIME_MARGIN = 1.5;

/** The rows of a batch whose slices are all copied; otherwise the slices for which this call's time was too short, and how many it copied. */
export type SlicesCopied = { rows: CopiedRows } | { rows: null; copied: number; tooSlow: PlannedSlice[] };

/**
 * Copies the slices of a whole view that are left, as many at once as there are connections for it, until the time is up: all of this call in the
 * snapshot of `client`, each recorded when it is staged. After the last one it writes the manifest. A failure stops all slices.
 */
export async function copySlices(
  client: pg.ClientBase,
  work: SlicedWork,
  dependencies: Dependencies,
): Promise<SlicesCopied> {
  const { view, batch, deadline, lease } = work;
  const { control, staging } = dependencies;
  const copy = await recorded(work, dependencies);
  const formats = formatsOf(view, batch);
  const place = formats.findIndex(({ name }) => name === copy.format);
  const format = formats[place];
  if (format === undefined)
    throw new RangeError(`batch ${batch.id} is copied as ${copy.format}, which it cannot be`);
  const objects = await staging.openBatch(batch.stagedPrefix, format, copy);
  const snapshot = await exportSnapshot(client);
  const { tooSlow, longRow } = await copyInTime(
    { ...work, format, partBytes: copy.partBytes, objects, snapshot },
    copy,
    dependencies,
  );
  if (longRow !== null) {
    const next = formats[place + 1];
    if (next === undefined) throw refusedLongRow(view.name, longRow, format);
    await control.slicedCopies.restart(lease, batch.id, { ...copy, format: next.name });
    return await copySlices(client, work, dependencies);
  }
  const { slices } = await recorded(work, dependencies);
  const all = slices.flatMap(({ copied: each }) => each ?? []);
  if (all.length < slices.length) {
    const before = copy.slices.filter(({ copied }) => copied !== null).length;
    // The answer that a slice is recorded may have come too late, or not at all.
    const isLeft = new Map(slices.map(({ place: each, copied }) => [each, copied === null]));
    return {
      rows: null,
      copied: all.length - before,
      tooSlow: tooSlow.filter((slice) => isLeft.get(slice.place)),
    };
  }
  deadline.signal.throwIfAborted();
  return { rows: await complete(objects, format, work, all) };
}

async function recorded({ batch }: SlicedWork, { control }: Dependencies): Promise<SlicedCopy> {
  const copy = await control.slicedCopies.read(batch.id);
  if (copy === null) throw new RangeError(`batch ${batch.id} has no slices`);
  return copy;
}

const complete = (
  objects: BatchWriter,
  format: RowFormat,
  work: SlicedWork,
  slices: CopiedSlice[],
): Promise<CopiedRows> =>
  completeBatch(objects, format, work, {
    upserts: slices.flatMap((slice) => slice.objects),
    deletes: [],
    replaced: {
      unrepresentable: addPolicyValues(slices.map(({ replaced }) => replaced.unrepresentable)),
      nullArray: addPolicyValues(slices.map(({ replaced }) => replaced.nullArray)),
    },
  });

async function copyInTime(call: Call, { slices }: SlicedCopy, dependencies: Dependencies): Promise<Outcome> {
  const { batch, deadline } = call;
  const { clock, config } = dependencies;
  const left = slices.filter(({ copied }) => copied === null);
  const running = new Map<PlannedSlice, number>();
  const outcome: Outcome = { copied: 0, tooSlow: [], longRow: null };
  let slowestMs = 0;
  const startMs = clock.nowMs();

  const copyOneByOne = async (signal: AbortSignal): Promise<void> => {
    while (outcome.longRow === null && deadline.remainingMs() > slowestMs * TIME_MARGIN) {
      const next = left.shift();
      if (next === undefined) return;
      const beganMs = clock.nowMs();
      running.set(next, beganMs);
      const result = await copySlice(call, next, signal, dependencies);
      running.delete(next);
      if (result === 'copied') outcome.copied += 1;
      else if (result === 'too slow') outcome.tooSlow.push(next);
      else outcome.longRow = result;
      slowestMs = Math.max(slowestMs, clock.nowMs() - beganMs);
    }
  };
  try {
    await deadline.enforce(`the copy of ETL transaction ${batch.id}`, (signal) =>
      allOrNone(config.maxSlices, signal, copyOneByOne),
    );
  } catch (error) {
    if (!(error instanceof DeadlineExceeded) || deadline.signal.aborted) throw error;
    const halfMs = (clock.nowMs() - startMs) / 2;
    // A slice that began late may still be small enough.
    for (const [slice, beganMs] of running) {
      if (outcome.copied === 0 || clock.nowMs() - beganMs > halfMs) outcome.tooSlow.push(slice);
    }
  }
  return outcome;
}

/** Runs `count` workers until all have ended. When one fails, the others must stop writing and release their connections. */
async function allOrNone(
  count: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const workers = Array.from({ length: count }, () =>
    work(either).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
}

async function copySlice(
  { view, batch, lease, format, partBytes, objects, snapshot }: Call,
  { place, slice }: PlannedSlice,
  signal: AbortSignal,
  { control, log, slices: connections }: Dependencies,
): Promise<'copied' | 'too slow' | LongRow> {
  const writer = { write: objects.write, openRows: () => format.openRows(partBytes, place) };
  try {
    const { longRow, ...copied } = await inExportedSnapshot(connections, snapshot, async (client) => {
      const upserts = await copyUpserts(
        client,
        view,
        { kind: 'slice', slice, isDirectLoad: batch.isDirectLoad },
        writer,
        signal,
      );
      if (upserts.longRow === null && !upserts.hasOwnKeys)
        await abortable(client, signal, () => assertUniqueKeys(client, view, slice));
      return upserts;
    });
    if (longRow !== null) return longRow;
    const progress = await control.slicedCopies.note(lease, batch.id, place, {
      ...copied,
      snapshot: snapshot.id,
    });
    log.info(
      { view: view.name, etlTransactionId: String(batch.id), ...progress, rows: String(progress.rows) },
      'slice copied',
    );
    return 'copied';
  } catch (error) {
    const isCanceled = error instanceof DataHubError && error.context.code === QUERY_CANCELED;
    if (isCanceled && !signal.aborted) return 'too slow';
    throw error;
  }
}
