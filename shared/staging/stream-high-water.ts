import type { Bucket } from '@google-cloud/storage';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';
import type { EtlTransaction } from '../model/batch.ts';
import { batchIdCollision } from './stage-blocks.ts';

/**
 * The id of the last batch that a streamed view staged, stored in an object next to its batches. BigQuery silently ignores a change whose
 * sequence number is lower than the row's. It remembers the sequence numbers of deleted rows for two days, and no query shows them. So a
 * restored or new control database must continue above this id (I7).
 */
export type StreamHighWater = {
  /** Null when the object was not written by this system. */
  batchId: bigint | null;
  /** The object's generation in Cloud Storage. */
  generation: string;
};

type StreamHighWaterUpdate = {
  view: string;
  batch: Pick<EtlTransaction, 'id' | 'token'>;
  before: StreamHighWater | null;
  callTimeoutSeconds: number;
};

const nameOf = (view: string): string => `${view}/last-batch`;

/** Returns null when the view has never staged a streamed batch. */
export async function readStreamHighWater(bucket: Bucket, view: string): Promise<StreamHighWater | null> {
  const name = nameOf(view);
  try {
    const [{ generation, metadata }] = await bucket.file(name).getMetadata();
    const id = String(metadata?.['etl-transaction']);
    return { batchId: /^\d+$/.test(id) ? BigInt(id) : null, generation: String(generation) };
  } catch (error) {
    if (codeOf(error) === 404) return null;
    throw fromGoogle(error, `object ${name}`);
  }
}

/**
 * Replaces `before` with the batch's id. Throws `batch_id_collision` when another control database has written its own id since. Safe to
 * repeat.
 */
export async function writeStreamHighWater(
  bucket: Bucket,
  { view, batch, before, callTimeoutSeconds }: StreamHighWaterUpdate,
): Promise<void> {
  const name = nameOf(view);
  const file = bucket.file(name);
  const written = { 'etl-transaction': String(batch.id), 'batch-token': batch.token };
  const saved = file.save('', {
    resumable: false,
    metadata: { metadata: written },
    preconditionOpts: { ifGenerationMatch: before === null ? 0 : before.generation },
  });
  await withRequestTimeout(callTimeoutSeconds, saved).catch(async (error: unknown) => {
    if (codeOf(error) !== 412) throw fromGoogle(error, `object ${name}`);
    // After a lost answer the client repeats the save, and then finds its own object.
    const [{ metadata }] = await file.getMetadata();
    if (metadata?.['batch-token'] !== batch.token) throw batchIdCollision(name, error);
  });
}
