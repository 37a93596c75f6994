import { DataHubError } from '../../shared/errors.ts';
import type { Counts, EtlTransaction, Progress } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import { createRowEncoder } from '../../shared/warehouse/row-encoder.ts';
import { createRowParser, type StagedRow } from '../../shared/warehouse/row-parser.ts';
import type { StreamMessage } from '../../shared/warehouse/stream-message.ts';

export type EncodedRows = {
  message: StreamMessage;
  /**
   * The rows of the staged objects in their order, as upserts and deletes, from where the last call stopped until `shouldStop`. Throws
   * `staging_lost` for damaged objects.
   */
  changes(manifest: Manifest, shouldStop: () => boolean, signal: AbortSignal): AsyncGenerator<Uint8Array[]>;
  /** Deletes for rows that the batch did not carry. They count as older than every row of the batch, so they cannot delete one of those. */
  deletes(keys: AsyncIterable<StagedRow[]>): AsyncGenerator<Uint8Array[]>;
  /** The rows yielded so far, by this call and by earlier ones. */
  readonly progress: Progress;
};

/** Below the ordinals of staged rows, which start at 1. */
const BEFORE_ALL_ROWS = 0;

/** Encodes the rows that a batch writes into its target. Throws `bad_data` for a value that the message cannot hold. */
export async function encodeRows(
  batch: EtlTransaction,
  shape: TableShape,
  { staging, warehouse }: Dependencies,
): Promise<EncodedRows> {
  const message = await warehouse.streamMessage(shape);
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
    // The ordinal is the row's place among the staged rows, the same at every attempt.
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
            // Checked only after progress was made: a slow start must not keep the batch where it is for ever.
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

/** Counts by the log's hint. The rows of a whole view have no hint. */
function countOf({ action }: StagedRow): keyof Counts {
  return action === 'deleted' || action === 'changed' ? action : 'added';
}
