import type { Counts, Progress } from '../../shared/model/batch.ts';
import type { RowEncoder } from '../../shared/warehouse/row-encoder.ts';
import type { StagedRow } from '../../shared/warehouse/row-parser.ts';
import type { StreamMessage } from '../../shared/warehouse/stream-message.ts';

/** The rows of a batch that is streamed, as protobuf messages. */
export type StagedRows = {
  message: StreamMessage;
  /**
   * Yields the staged rows in order, as upserts and deletes, from where the last call stopped until `shouldStop` returns true. Throws
   * `staging_lost` for objects that are gone or corrupt.
   */
  changes(shouldStop: () => boolean, signal: AbortSignal): AsyncGenerator<Uint8Array[]>;
  /** Yields deletes for rows that the batch does not contain. Their sequence numbers are below those of its rows, so they cannot delete one of these. */
  deletes(keys: AsyncIterable<StagedRow[]>): AsyncGenerator<Uint8Array[]>;
  /** The rows that this call and earlier calls have yielded so far. */
  readonly progress: Progress;
};

/** Below the ordinals of staged rows, which start at 1. */
const BEFORE_ALL_ROWS = 0;

/** See `StagedRows.deletes`. Counts them. */
export const deletesBelow = (encoder: RowEncoder, counts: Counts): StagedRows['deletes'] =>
  async function* (pages) {
    for await (const keys of pages) {
      counts.deleted += BigInt(keys.length);
      yield keys.map((key) => encoder.delete(key, BEFORE_ALL_ROWS));
    }
  };
