import type { Bucket } from '@google-cloud/storage';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';
import { batchIdCollision } from './stage-lines.ts';

/**
 * The number of the last batch that a streamed view staged, kept beside its batches. BigQuery ignores a change whose sequence
 * number is lower than one that it has met, silently, and remembers those of deleted rows for two days, which no query shows:
 * a control database that was restored or made anew must go on above it (I7).
 */
export type StreamHighWater = {
  /** Null when somebody else wrote it. */
  number: bigint | null;
  /** What Cloud Storage calls this version of it. */
  generation: string;
};

const nameOf = (view: string): string => `${view}/last-batch`;

/** Null when nothing was staged for as long as objects are kept. */
export async function readStreamHighWater(bucket: Bucket, view: string): Promise<StreamHighWater | null> {
  const name = nameOf(view);
  try {
    const [{ generation, metadata }] = await bucket.file(name).getMetadata();
    const number = String(metadata?.['etl-transaction']);
    return { number: /^\d+$/.test(number) ? BigInt(number) : null, generation: String(generation) };
  } catch (error) {
    if (codeOf(error) === 404) return null;
    throw fromGoogle(error, `object ${name}`);
  }
}

/**
 * Puts a batch's number in the place of `before`. Throws `batch_id_collision` when another life of the control database put its own
 * there meanwhile. Safe to repeat.
 */
export async function writeStreamHighWater(
  bucket: Bucket,
  view: string,
  batch: { etlTransactionId: bigint; token: string },
  before: StreamHighWater | null,
  callTimeoutSeconds: number,
): Promise<void> {
  const name = nameOf(view);
  const file = bucket.file(name);
  const written = { 'etl-transaction': String(batch.etlTransactionId), 'batch-token': batch.token };
  const saved = file.save('', {
    resumable: false,
    metadata: { metadata: written },
    preconditionOpts: { ifGenerationMatch: before === null ? 0 : before.generation },
  });
  await withRequestTimeout(callTimeoutSeconds, saved).catch(async (error: unknown) => {
    if (codeOf(error) !== 412) throw fromGoogle(error, `object ${name}`);
    // The client repeats a save whose answer was lost, and then meets its own object.
    const [{ metadata }] = await file.getMetadata();
    if (metadata?.['batch-token'] !== batch.token) throw batchIdCollision(name, error);
  });
}
