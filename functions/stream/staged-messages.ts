import { DataHubError } from '../../shared/errors.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../shared/staging/staging.ts';
import { createRowEncoder } from '../../shared/warehouse/row-encoder.ts';
import { messageOf } from '../../shared/warehouse/stream-message.ts';
import { deletesBelow, type StagedRows } from './staged-rows.ts';

/** Prepares the rows of a batch that was staged as protobuf messages, which are appended as they are. */
export function stagedMessages(
  batch: EtlTransaction,
  shape: TableShape,
  manifest: Manifest,
  { staging }: Pick<Dependencies, 'staging'>,
): StagedRows {
  const { descriptor, objects } = manifest;
  if (descriptor === null) {
    throw new DataHubError('staging_lost', `the manifest of ETL transaction ${batch.id} has no descriptor`);
  }
  const message = messageOf(descriptor);
  const encoder = createRowEncoder(message, shape, { etlTransactionId: batch.id, updateAt: batch.startedAt });
  const progress = { rows: batch.progress.rows, counts: { ...batch.progress.counts } };
  return {
    message,
    progress,
    async *changes(shouldStop, signal) {
      let before = 0;
      for (const object of objects) {
        const end = before + object.rows;
        if (progress.rows < end) {
          for await (const { messages, counts } of staging.readMessages(object, signal)) {
            before += messages.length;
            if (progress.rows >= before) continue;
            progress.rows = before;
            for (const count of ['added', 'changed', 'deleted'] as const) {
              progress.counts[count] += BigInt(counts[count]);
            }
            yield messages;
            // Checked only after progress, so that a slow start cannot hold the batch in place forever.
            if (shouldStop()) return;
          }
        }
        before = end;
      }
    },
    deletes: deletesBelow(encoder, progress.counts),
  };
}
