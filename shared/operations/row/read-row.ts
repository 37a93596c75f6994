import type { CarryingBatch, QueuedKey } from '../../control/row-batches.ts';
import { adviceByHand, type DataHubError } from '../../errors.ts';
import type { OperationOf } from '../../events/operation-event.ts';
import type { Dependencies } from '../../runtime/dependencies.ts';
import { comparedColumns } from './compare-columns.ts';
import { lookUpRow } from './look-up-row.ts';
import { rowLog } from './row-log.ts';
import { type Verdict, verdictOf } from './verdict.ts';

type Failure = { error: { kind: string; message: string; advice: string } };

/** A batch as the answer has it. */
export type RowBatch = { etlTransactionId: string; kind: string; appliedAt: string };

/** How a row compares, as `{"view":…,"row":…}` answers. Times are ISO 8601, 64-bit numbers are texts. docs/operations.md describes every field. */
export type RowAnswer = {
  outcome: 'row';
  view: string;
  key: string;
  verdict: Verdict;
  /** Whether the columns have the values of both sides. */
  hasValues: boolean;
  source: { readAt: string; rows: number } | Failure;
  /** `rows` is null if BigQuery would have to read so many `bytes` that the caller must agree to it. */
  target: { readAt: string; rows: number | null; deletedRows: number; bytes: string } | Failure;
  columns: {
    name: string;
    type: string;
    isDifferent: boolean | null;
    source?: string | null;
    target?: string | null;
  }[];
  log: {
    id: string;
    at: string;
    action: string;
    table: string;
    fields: string[];
    state: 'ignored' | 'covered' | 'waiting';
    batch: RowBatch | null;
  }[];
  /** The batch that last wrote the row of the target. */
  writtenBy: RowBatch | null;
  queued: { kind: string; dueAt: string; etlTransactionId: string | null }[];
};

/**
 * Looks a row up on both sides, in the log and in the batches. Values are in the answer only if the configuration allows that, since whoever may
 * call `extract` gets it. Reads only. Throws `invalid_event` for an unknown view, and for a text that is no key of the view.
 */
export async function readRow(
  { view, key, mayRead }: OperationOf<'row'>,
  dependencies: Dependencies,
): Promise<RowAnswer> {
  const { config, control } = dependencies;
  const lookup = await lookUpRow(await control.viewSources.get(view), key, mayRead, dependencies);
  const { source, target, writer, queued } = lookup;
  const targetRows = target.value?.rows ?? null;
  return {
    outcome: 'row',
    view,
    key: lookup.key,
    verdict: verdictOf(lookup),
    hasValues: config.rowValues,
    source:
      source.value === undefined
        ? failed(source.error)
        : { readAt: source.value.readAt.toISOString(), rows: source.value.rows.length },
    target:
      target.value === undefined
        ? failed(target.error)
        : {
            readAt: target.value.readAt.toISOString(),
            rows: targetRows?.filter(({ isDeleted }) => !isDeleted).length ?? null,
            deletedRows: targetRows?.filter(({ isDeleted }) => isDeleted).length ?? 0,
            bytes: String(target.value.bytes),
          },
    columns: comparedColumns(lookup).map(({ name, type, isDifferent, ...values }) => ({
      name,
      type,
      isDifferent,
      ...(config.rowValues && values.source !== undefined && { source: values.source }),
      ...(config.rowValues && values.target !== undefined && { target: values.target }),
    })),
    log: rowLog(lookup).map(({ row, table, state, batch }) => ({
      id: String(row.id),
      at: row.at.toISOString(),
      action: row.action,
      table,
      fields: row.fields,
      state,
      batch: batch === null ? null : batchOf(batch),
    })),
    writtenBy: writer === null ? null : batchOf(writer),
    queued: queued.map(queuedOf),
  };
}

const batchOf = ({ id, kind, appliedAt }: CarryingBatch): RowBatch => ({
  etlTransactionId: id,
  kind,
  appliedAt: appliedAt.toISOString(),
});

const queuedOf = ({ kind, dueAt, etlTransactionId }: QueuedKey) => ({
  kind,
  dueAt: dueAt.toISOString(),
  etlTransactionId,
});

/** A side that cannot be read leaves the rest of the answer. */
const failed = (error: DataHubError): Failure => ({
  error: { kind: error.kind, message: error.message, advice: adviceByHand(error, 'operation') },
});
