import type { TableShape } from '../../shared/columns.ts';
import type { EtlTransaction } from '../../shared/control/etl-transactions.ts';
import type { Counts } from '../../shared/counts.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import { createRowEncoder } from '../../shared/warehouse/row-encoder.ts';
import { createRowParser, type StagedRow } from '../../shared/warehouse/row-parser.ts';
import type { StreamMessage } from '../../shared/warehouse/stream-message.ts';
import type { Dependencies } from '../dependencies.ts';

export type EncodedRows = {
  message: StreamMessage;
  /** The rows of the staged objects in their order, as upserts and deletes. Throws `staging_lost` for objects that are damaged. */
  changes(manifest: Manifest, signal: AbortSignal): AsyncGenerator<Uint8Array[]>;
  /** Deletes of rows that the batch did not carry. They are older than every row of it, so that none can be lost by them. */
  deletes(keys: AsyncIterable<StagedRow[]>): AsyncGenerator<Uint8Array[]>;
  /** What was encoded so far. */
  counts: Counts;
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
  const counts = { added: 0n, changed: 0n, deleted: 0n };
  let ordinal = BEFORE_ALL_ROWS;

  const encode = (line: string): Uint8Array => {
    const row = parse(line);
    if (String(row.etl_transaction_id) !== String(batch.id)) {
      throw new DataHubError(
        'staging_lost',
        `a staged row of ETL transaction ${batch.id} is another batch's`,
      );
    }
    ordinal += 1;
    counts[countOf(row)] += 1n;
    return row.action === 'deleted' ? encoder.delete(row, ordinal) : encoder.upsert(row, ordinal);
  };

  return {
    message,
    counts,
    async *changes(manifest, signal) {
      for (const object of manifest.objects) {
        for await (const lines of staging.readLines(object, signal)) yield lines.map(encode);
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
