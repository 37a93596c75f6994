import type { CarryingBatch, QueuedKey } from '../../control/row-batches.ts';
import { DataHubError } from '../../errors.ts';
import { isCovered, NOTHING_SEEN } from '../../model/checkpoint.ts';
import type { ViewSource } from '../../model/view-source.ts';
import type { Dependencies } from '../../runtime/dependencies.ts';
import { type Part, readPart } from '../read-part.ts';
import { readSourceRow, type SourceRow } from './source-row.ts';
import { readTargetRow, type TargetLook } from './target-row.ts';

/** What is known of one row. `key` is written as the view writes it, or as it was typed where the source cannot tell. */
export type RowLookup = {
  key: string;
  source: Part<SourceRow>;
  target: Part<TargetLook>;
  /** The batch that last wrote the row of the target; null if the row names none, or one that is not kept any more. */
  writer: CarryingBatch | null;
  /** The first batch that covers a log row, by the id of the log row. */
  covering: ReadonlyMap<bigint, CarryingBatch>;
  queued: QueuedKey[];
  /** The ids of the log rows that the checkpoint covered just before. */
  covered: ReadonlySet<bigint>;
};

/** The other parts of the page do not wait longer. */
const SOURCE_SECONDS = 30;
const TARGET_SECONDS = 60;

const BEFORE_ALL = { floorId: -1n, seen: NOTHING_SEEN };

/**
 * Looks a row up on both sides, in the log and in the batches, without a lease: a batch may be applied meanwhile. With `mayRead`, BigQuery may
 * read as much as it takes. Throws `invalid_event` for a text that is no key of the view.
 */
export async function lookUpRow(
  viewSource: ViewSource,
  typed: string,
  mayRead: boolean,
  dependencies: Dependencies,
): Promise<RowLookup> {
  const { control } = dependencies;
  // Before the rows: what it covers is in the target that is read afterwards.
  const stored = await control.checkpoints.read(viewSource.name);
  const checkpoint = stored?.checkpoint ?? BEFORE_ALL;
  const source = await readPart('reading the source', SOURCE_SECONDS, () =>
    readSourceRow(viewSource, typed, checkpoint, dependencies),
  );
  if (source.value !== undefined && source.value.key === null) throw noKey(viewSource, typed);
  const key = source.value?.key ?? typed;
  const target = await readPart('reading the target', TARGET_SECONDS, () =>
    readTargetRow(
      viewSource,
      { key, source: source.value ?? null, mayRead, seconds: TARGET_SECONDS },
      dependencies,
    ),
  );
  const writtenBy = target.value?.rows?.[0]?.etlTransactionId ?? null;
  const [writer, covering, queued] = await Promise.all([
    writtenBy === null ? null : control.rowBatches.applied(viewSource.name, writtenBy),
    control.rowBatches.covering(viewSource.name, source.value?.logRows ?? []),
    control.rowBatches.queued(viewSource.name, key),
  ]);
  const ids = (source.value?.logRows ?? []).map(({ id }) => id);
  const covered = new Set(ids.filter((id) => isCovered(checkpoint, id)));
  return { key, source, target, writer, covering, queued, covered };
}

function noKey({ name, keyColumn }: ViewSource, typed: string): DataHubError {
  return new DataHubError('invalid_event', `${JSON.stringify(typed)} is no key of view ${name}.`, {
    advice: `Type a value of the column ${keyColumn}, as the view shows it.`,
  });
}
