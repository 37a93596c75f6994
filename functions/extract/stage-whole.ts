import type pg from 'pg';
import { abandonBatch } from '../../shared/batch/abandon-batch.ts';
import { shrinkAfter } from '../../shared/batch/batch-size.ts';
import { DeadlineExceeded } from '../../shared/deadline.ts';
import { DataHubError } from '../../shared/errors.ts';
import { MAX_LOADED_OBJECTS } from '../../shared/model/load-limits.ts';
import { thenResume } from '../../shared/model/resume-advice.ts';
import { type Slice, WHOLE } from '../../shared/model/slice.ts';
import { fromPostgres, QUERY_CANCELED } from '../../shared/postgres/sqlstate.ts';
import { abortable } from '../../shared/postgres/unresponsive.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { assertUniqueKeys, hasNullKey } from '../../shared/source/capture.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { splitEvenly, splitSlice } from '../../shared/source/plan-slices.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import type { CopiedRows, Copy } from './copy-rows.ts';
import { copySlices } from './copy-slices.ts';
import { type Extraction, extentOf } from './extraction.ts';
import { formatsOf } from './formats-of.ts';
import { copyFingerprint, partBytesOf } from './plan-copy.ts';

/** A slice that was too slow is cut into so many parts, */
const PARTS = 10;
/** unless it has fewer keys than this: then the view is too slow. */
const MIN_SLICE_ROWS = 10_000;

/** Why a slice that was too slow cannot be cut, and what helps. */
const ADVICE = {
  'few keys':
    'Find out why the view is slow for so few keys, for example a lock, a missing index, or a part of the view that reads everything for each slice. Or raise the time limits of the function and of its statements. Then resume the view.',
  'keys not read':
    'The keys were not read in time either, by which the view would be cut into smaller slices. Run ANALYZE on its main table, which lets a load begin in slices, and look for a lock or a missing index of the key. Or raise the time limits of the function and of its statements. Then resume the view.',
} as const;
type Uncut = keyof typeof ADVICE;

const KEY_SEARCH_ADVICE =
  'The search reads the whole view. Find out why that is slow, for example a lock, a missing index, or a busy server. Or raise the time limits of the function and of its statements. Then resume the view.';

/** Records the slices in which the batch is copied from now on, whatever becomes of this call. */
export async function planSlicedCopy(
  client: pg.ClientBase,
  { lease, source }: Extraction,
  { view, batch }: Copy,
  slices: readonly Slice[],
  { config, control }: Dependencies,
): Promise<void> {
  const [format] = formatsOf(view, batch);
  if (format === undefined) throw new RangeError(`view ${view.name} has no format`);
  const fingerprint = copyFingerprint(view, source, batch);
  const partBytes = await partBytesOf(client, view, config);
  const terms = { format: format.name, partBytes, fingerprint };
  await control.slicedCopies.plan(lease, batch.id, terms, slices);
}

/**
 * Copies the slices that are left, in the snapshot of `client`. Returns null if some are left when the time is up: the next call goes on. Cuts slices that
 * were too slow. Throws `transient` if that is all that this call could do, and `configuration` if a slice with few rows is too slow.
 */
export async function stageSlices(
  client: pg.ClientBase,
  extraction: Extraction,
  copy: Copy,
  dependencies: Dependencies,
): Promise<CopiedRows | null> {
  const { lease, deadline } = extraction;
  const { control, log } = dependencies;
  const { batch, view } = copy;
  await assertKeys(client, extraction, copy, dependencies);
  const copied = await copySlices(client, { ...copy, lease, deadline }, dependencies);
  if (copied.rows !== null) {
    await assertLoadable(copied.rows, copy, extraction, dependencies);
    return copied.rows;
  }
  for (const { place, slice } of copied.tooSlow) {
    const parts = await smallerSlices(view, slice, dependencies);
    if (typeof parts === 'string') {
      const what = `a slice of view ${view.name} was not copied`;
      throw await tooSlow({ what, advice: ADVICE[parts] }, copy, extraction, dependencies);
    }
    if (await control.slicedCopies.split(lease, batch.id, place, parts)) {
      log.warn(
        { view: view.name, etlTransactionId: String(batch.id), parts: parts.length },
        'slice too slow: cut',
      );
    }
  }
  if (copied.copied > 0 || copied.tooSlow.length === 0) return null;
  throw new DataHubError(
    'transient',
    `no slice of view ${view.name} was copied in time: they are smaller from now on`,
    {
      context: { view: view.name, etlTransactionId: batch.id },
    },
  );
}

/** Throws `bad_data` for a row without a key, which no slice has, and `configuration` if a statement has no time to look for one. */
async function assertKeys(
  client: pg.ClientBase,
  extraction: Extraction,
  copy: Copy,
  dependencies: Dependencies,
): Promise<void> {
  const { view } = copy;
  const what = `the search for rows of view ${view.name} without a key`;
  try {
    await extraction.deadline.enforce(what, (signal) =>
      abortable(client, signal, async () => {
        if (await hasNullKey(client, view)) await assertUniqueKeys(client, view);
      }),
    );
  } catch (error) {
    if (!(error instanceof DeadlineExceeded) && !isCanceled(error)) throw error;
    const slow = { what: `${what} did not end`, advice: KEY_SEARCH_ADVICE, cause: error };
    throw await tooSlow(slow, copy, extraction, dependencies);
  }
}

const isCanceled = (error: unknown): boolean => fromPostgres(error, 'source').context.code === QUERY_CANCELED;

/** Throws `configuration`, after it abandoned the batch, if no load job takes so many objects. */
async function assertLoadable(
  { format, objects }: CopiedRows,
  { batch, view }: Copy,
  { lease }: Extraction,
  dependencies: Dependencies,
): Promise<void> {
  if (format === 'protobuf' || objects.length <= MAX_LOADED_OBJECTS) return;
  const what = `view ${view.name} has ${objects.length} staged objects; one load job takes ${MAX_LOADED_OBJECTS}`;
  await abandonBatch(lease, batch, what, dependencies);
  throw new DataHubError('configuration', what, {
    context: { view: view.name, etlTransactionId: batch.id },
    advice: `Raise MAX_PART_BYTES and SLICE_ROWS. ${thenResume(view.name)}`,
  });
}

/**
 * Cuts a view whose copy as a whole was too slow into slices. Returns the error to throw: `transient` if the batch goes on with them, and
 * `configuration` for a view with few rows.
 */
export async function sliceAfter(
  slow: { what: string; cause: unknown },
  copy: Copy,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<DataHubError> {
  const parts = await smallerSlices(copy.view, WHOLE, dependencies);
  if (typeof parts === 'string')
    return await tooSlow({ ...slow, advice: ADVICE[parts] }, copy, extraction, dependencies);
  await inSnapshot(dependencies.slices, (client) =>
    planSlicedCopy(client, extraction, copy, parts, dependencies),
  );
  return new DataHubError('transient', `${slow.what} in time: it goes on in ${parts.length} slices`, {
    context: { view: copy.view.name, etlTransactionId: copy.batch.id },
    cause: slow.cause,
  });
}

async function tooSlow(
  slow: { what: string; advice: string; cause?: unknown },
  { batch }: Copy,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<DataHubError> {
  const error = await shrinkAfter(
    { ...slow, keeps: 1, cause: slow.cause },
    extentOf(extraction, 0),
    dependencies,
  );
  return error.withContext({ etlTransactionId: batch.id });
}

/** The time at the end of a call is short. */
const SPLIT_TIMEOUT_MS = 10_000;

/**
 * The parts of a slice that was too slow, or why there are none. Where its keys cannot be read in time, integer keys are cut at even distances. A
 * connection for slices is free, as none is copied now, and the pool of other connections may have just the one that this call holds.
 */
async function smallerSlices(
  view: SourceView,
  slice: Slice,
  { slices: connections }: Dependencies,
): Promise<Slice[] | Uncut> {
  const cut = <T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> =>
    inSnapshot(connections, async (client) => {
      await client.query(`set local statement_timeout = ${SPLIT_TIMEOUT_MS}`);
      return await work(client);
    });
  const limits = { count: PARTS, minRows: MIN_SLICE_ROWS };
  try {
    return (await cut((client) => splitSlice(client, view, slice, limits))) ?? 'few keys';
  } catch (error) {
    if (!isCanceled(error)) throw error;
  }
  return (await cut((client) => splitEvenly(client, view, slice, PARTS))) ?? 'keys not read';
}
