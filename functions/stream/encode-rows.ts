import type { EtlTransaction, Progress } from '../../shared/control/batches.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { Counts } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import { createRowEncoder } from '../../shared/warehouse/row-encoder.ts';
import { createRowParser, type StagedRow } from '../../shared/warehouse/row-parser.ts';
import type { StreamMessage } from '../../shared/warehouse/stream-message.ts';

export type EncodedRows = {
  message: StreamMessage;
  /**
   * The rows of the staged objects in their order, as upserts and deletes, from where the batch was left until the time is up.
   * Throws `staging_lost` for objects that are damaged.
   */
  changes(manifest: Manifest, isTimeUp: () => boolean, signal: AbortSignal): AsyncGenerator<Uint8Array[]>;
  /** Deletes of rows that the batch did not carry. They are older than every row of it, so that none can be lost by them. */
  deletes(keys: AsyncIterable<StagedRow[]>): AsyncGenerator<Uint8Array[]>;
  /** What was given out so far, and by those before us. */
  readonly progress: Progress;
};

/** Below the ordinals of staged rows, which begin at 1. */
const BEFORE_ALL_ROWS = 0;

/** Encodes what a batch writes into its target. Throws `bad_data` for a value that the message cannot hold. */
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
        `a staged row of ETL transaction ${batch.id} is another batch's`,
      );
    }
    progress.rows += 1;
    counts[countOf(row)] += 1n;
    // Its place among the staged rows, the same at every try.
    return row.action === 'deleted' ? encoder.delete(row, progress.rows) : encoder.upsert(row, progress.rows);
  };

  return {
    message,
    progress,
    async *changes(manifest, isTimeUp, signal) {
      let before = 0;
      for (const object of manifest.objects) {
        const end = before + object.rows;
        if (progress.rows < end) {
          for await (const lines of staging.readLines(object, signal)) {
            const done = Math.max(0, Math.min(lines.length, progress.rows - before));
            before += lines.length;
            if (done === lines.length) continue;
            yield lines.slice(done).map(encode);
            // Only after a step forward, or a slow start would keep the batch where it is for ever.
            if (isTimeUp()) return;
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

/** The log's hint; the rows of a whole view have none. */
function countOf({ action }: StagedRow): keyof Counts {
  return action === 'deleted' || action === 'changed' ? action : 'added';
}
