import { DataHubError } from '../../shared/errors.ts';
import type { Counts, EtlTransaction } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import { createRowEncoder } from '../../shared/warehouse/row-encoder.ts';
import { createRowParser, type StagedRow } from '../../shared/warehouse/row-parser.ts';
import { streamMessage } from '../../shared/warehouse/stream-message.ts';
import { deletesBelow, type StagedRows } from './staged-rows.ts';

/** Prepares the rows of a batch that release 0.2.0 staged as JSON lines. Encoding throws `bad_data` for a value that the message cannot hold exactly. */
export function stagedLines(
  batch: EtlTransaction,
  shape: TableShape,
  { objects }: Manifest,
  { staging }: Pick<Dependencies, 'staging'>,
): StagedRows {
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
    async *changes(shouldStop, signal) {
      let before = 0;
      for (const object of objects) {
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
    deletes: deletesBelow(encoder, counts),
  };
}

/** Counts a row by the action that its log row names. The rows of a whole view have no log row. */
function countOf({ action }: StagedRow): keyof Counts {
  return action === 'deleted' || action === 'changed' ? action : 'added';
}
