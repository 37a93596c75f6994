import { DataHubError } from '../../shared/errors.ts';
import type { Counts, EtlTransaction, Progress } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import { createRowEncoder } from '../../shared/warehouse/row-encoder.ts';
import { createRowParser, type StagedRow } from '../../shared/warehouse/row-parser.ts';
import { type StreamMessage, streamMessage } from '../../shared/warehouse/stream-message.ts';

export type EncodedRows = {
  message: StreamMessage;
  /**
   * Yields the staged rows in order, as upserts and deletes, from where the last call stopped until `shouldStop` returns true. Throws
   * `staging_lost` for objects that are gone or corrupt.
   */
  changes(manifest: Manifest, shouldStop: () => boolean, signal: AbortSignal): AsyncGenerator<Uint8Array[]>;
  /** Yields deletes for rows that the batch does not contain. Their sequence numbers are below those of its rows, so they cannot delete one of these. */
  deletes(keys: AsyncIterable<StagedRow[]>): AsyncGenerator<Uint8Array[]>;
  /** The rows that this call and earlier calls have yielded so far. */
  readonly progress: Progress;
};

/** Below the ordinals of staged rows, which start at 1. */
const BEFORE_ALL_ROWS = 0;

/** Prepares the rows that a batch streams into its target. Encoding throws `bad_data` for a value that the message cannot hold exactly. */
export function encodeRows(
  batch: EtlTransaction,
  shape: TableShape,
  { staging }: Pick<Dependencies, 'staging'>,
): EncodedRows {
  const message = streamMessage(shape);
  const parse = createRowParser(shape);
  const encoder = createRowEncoder(message, shape, { etlTransactionId: batch.id, updateAt: batch.startedAt });
  const progress = { rows: batch.progress.rows, counts: { ...batch.progress.counts } };
  const { counts } = progress;

  const encode = (line: string): Uint8Array => {
    const row = parse(line);
    if (String(row.etl_transaction_id) !== String(batch.id)) {
      throw new DataHubError(
        'staging_lost',
        `a staged row of ETL transaction ${batch.id} belongs to another batch`,
      );
    }
    progress.rows += 1;
    counts[countOf(row)] += 1n;
    // The ordinal is the row's position among the staged rows, the same at every attempt.
    return row.action === 'deleted' ? encoder.delete(row, progress.rows) : encoder.upsert(row, progress.rows);
  };

  return {
    message,
    progress,
    async *changes(manifest, shouldStop, signal) {
      let before = 0;
      for (const object of manifest.objects) {
        const end = before + object.rows;
        if (progress.rows < end) {
          for await (const lines of staging.readLines(object, signal)) {
            const done = Math.max(0, Math.min(lines.length, progress.rows - before));
            before += lines.length;
            if (done === lines.length) continue;
            yield lines.slice(done).map(encode);
            // Checked only after progress, so that a slow start cannot hold the batch in place forever.
            if (shouldStop()) return;
          }
        }
        before = end;
      }
    },
    async *deletes(pages) {
      for await (const keys of pages) {
        counts.deleted += BigInt(keys.length);
        yield keys.map((key) => encoder.delete(key, BEFORE_ALL_ROWS));
      }
    },
  };
}

/** Counts a row by the action that its log row names. The rows of a whole view have no log row. */
function countOf({ action }: StagedRow): keyof Counts {
  return action === 'deleted' || action === 'changed' ? action : 'added';
}
