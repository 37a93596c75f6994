import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bucket } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { RowBlock } from '../model/column-writer.ts';
import type { StagedObject } from '../model/staged-format.ts';
import type { RowFormat } from './format/row-format.ts';
import { StallTimeout } from './stall-timeout.ts';

/**
 * So many packed blocks may wait for the upload. Three more are packed at once (`mapAhead`), while the encoder fills the next one. An upload that stalls holds
 * nine packed blocks in memory: these two, the two that `mapAhead` holds then, and five in the streams of Google's client.
 */
const PACKED_AHEAD = 2;

export type StageOptions = {
  bucket: Bucket;
  /** Returns the name of the next part; called once for each part. */
  nextName: () => string;
  /** A part ends after the first block that brings it to so many bytes, before compression. */
  maxPartBytes: number;
  /** Cloud Storage must accept each block, and in the end those that still wait, within this time. */
  callTimeoutSeconds: number;
  signal: AbortSignal;
};

/**
 * Writes rows to Cloud Storage as they arrive, in objects of whole blocks; memory does not grow with their number. Without rows it writes no object. It
 * never overwrites one: throws `batch_id_collision` when the object exists.
 */
export async function stageBlocks(
  blocks: AsyncIterable<RowBlock>,
  format: RowFormat,
  options: StageOptions,
): Promise<StagedObject[]> {
  const parts = new Parts(blocks[Symbol.asyncIterator](), options);
  const staged: StagedObject[] = [];
  while (await parts.hasMore()) {
    const name = options.nextName();
    const file = options.bucket.file(name);
    const counted = { rows: 0 };
    const stallTimeout = new StallTimeout(options.callTimeoutSeconds);
    await pipeline(
      Readable.from(format.pack(parts.next(counted, stallTimeout)), { highWaterMark: PACKED_AHEAD }),
      file.createWriteStream({
        // Without a resumable session, the object is created completely or not at all.
        resumable: false,
        validation: 'md5',
        preconditionOpts: { ifGenerationMatch: 0 },
        metadata: { contentType: format.contentType },
      }),
      { signal: AbortSignal.any([options.signal, stallTimeout.signal]) },
    )
      .catch((error: unknown) => {
        if (options.signal.aborted) throw options.signal.reason;
        // What the pipeline throws after a stall only follows from it.
        const cause: unknown = stallTimeout.signal.aborted ? stallTimeout.signal.reason : error;
        if (codeOf(cause) === 412) throw batchIdCollision(name, cause);
        throw fromGoogle(cause, `staged object ${name}`);
      })
      .finally(() => stallTimeout.stop());
    staged.push({
      name,
      rows: counted.rows,
      bytes: Number(file.metadata.size),
      md5: String(file.metadata.md5Hash),
    });
  }
  return staged;
}

/** Cuts blocks into parts, one for each object. */
class Parts {
  readonly #blocks: AsyncIterator<RowBlock>;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  #pending: RowBlock | undefined;

  constructor(
    blocks: AsyncIterator<RowBlock>,
    { maxPartBytes, signal }: Pick<StageOptions, 'maxPartBytes' | 'signal'>,
  ) {
    this.#blocks = blocks;
    this.#maxBytes = maxPartBytes;
    this.#signal = signal;
  }

  async hasMore(): Promise<boolean> {
    this.#pending ??= await this.#read();
    return this.#pending !== undefined;
  }

  /** Yields the blocks of the next part. `stallTimeout` is stopped while this waits for the source, and runs on after the last block. */
  async *next(counted: { rows: number }, stallTimeout: StallTimeout): AsyncGenerator<RowBlock> {
    let bytes = 0;
    while (bytes < this.#maxBytes) {
      stallTimeout.stop();
      const hasMore = await this.hasMore();
      stallTimeout.start();
      const block = this.#pending;
      if (!hasMore || block === undefined) return;
      this.#pending = undefined;
      bytes += block.bytes.length;
      counted.rows += block.rows;
      yield block;
    }
  }

  /** Stops waiting for a silent source when the signal aborts, which a pipeline would not do. */
  async #read(): Promise<RowBlock | undefined> {
    const { done, value } = await unlessAborted(this.#signal, this.#blocks.next());
    return done === true ? undefined : value;
  }
}

/** Settles like the promise, or throws the signal's reason as soon as it aborts. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  return await Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

/** The error for an object that exists already: it belongs to another batch with the same id. */
export function batchIdCollision(name: string, cause: unknown): DataHubError {
  return new DataHubError('batch_id_collision', `staged object ${name} belongs to another batch`, { cause });
}
