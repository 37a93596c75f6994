import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Bucket } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { StagedObject } from './manifest.ts';
import { StallTimeout } from './stall-timeout.ts';

const NEWLINE = 10;
// Staged objects are short-lived, so the fastest compression costs least overall.
const GZIP_LEVEL = 1;

export type StageOptions = {
  bucket: Bucket;
  /** Returns the name of the next part; called once for each part. */
  nextName: () => string;
  /** A part ends at the first line end after this many bytes, before compression. */
  maxPartBytes: number;
  /** Cloud Storage must accept each chunk within this time. */
  callTimeoutSeconds: number;
  signal: AbortSignal;
};

/**
 * Writes lines to Cloud Storage as gzip parts as they arrive; memory does not grow with their number. Without lines it writes no part. It
 * never overwrites a part: throws `batch_id_collision` when the object exists.
 */
export async function stageLines(lines: Readable, options: StageOptions): Promise<StagedObject[]> {
  const parts = new Parts(lines[Symbol.asyncIterator](), options);
  const staged: StagedObject[] = [];
  while (await parts.hasMore()) {
    const name = options.nextName();
    const file = options.bucket.file(name);
    const counted = { rows: 0 };
    const stallTimeout = new StallTimeout(options.callTimeoutSeconds);
    await pipeline(
      parts.next(counted, stallTimeout),
      createGzip({ level: GZIP_LEVEL }),
      file.createWriteStream({
        // Without a resumable session, the object is created completely or not at all.
        resumable: false,
        validation: 'md5',
        preconditionOpts: { ifGenerationMatch: 0 },
        metadata: { contentType: 'application/gzip' },
      }),
      { signal: AbortSignal.any([options.signal, stallTimeout.signal]) },
    )
      .catch((error: unknown) => {
        if (options.signal.aborted) throw options.signal.reason;
        if (stallTimeout.signal.aborted) throw stallTimeout.signal.reason;
        if (codeOf(error) === 412) throw batchIdCollision(name, error);
        throw fromGoogle(error, `staged object ${name}`);
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

/** Cuts a stream of chunks into parts that end at a line end. */
class Parts {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  #pending: Buffer | undefined;

  constructor(
    chunks: AsyncIterator<Buffer>,
    { maxPartBytes, signal }: Pick<StageOptions, 'maxPartBytes' | 'signal'>,
  ) {
    this.#chunks = chunks;
    this.#maxBytes = maxPartBytes;
    this.#signal = signal;
  }

  async hasMore(): Promise<boolean> {
    this.#pending ??= await this.#read();
    return this.#pending !== undefined;
  }

  /** Yields the chunks of the next part. `stallTimeout` is stopped while this waits for the source, and runs on after the last chunk. */
  async *next(counted: { rows: number }, stallTimeout: StallTimeout): AsyncGenerator<Buffer> {
    let bytes = 0;
    for (;;) {
      stallTimeout.stop();
      const hasMore = await this.hasMore();
      stallTimeout.start();
      if (!hasMore) return;
      const chunk = this.#pending as Buffer;
      this.#pending = undefined;
      bytes += chunk.length;
      const end = bytes < this.#maxBytes ? -1 : chunk.lastIndexOf(NEWLINE);
      const taken = end < 0 ? chunk : chunk.subarray(0, end + 1);
      if (end >= 0 && end + 1 < chunk.length) this.#pending = chunk.subarray(end + 1);
      counted.rows += countLines(taken);
      yield taken;
      if (end >= 0) return;
    }
  }

  /** Stops waiting for a silent source when the signal aborts, which a pipeline would not do. */
  async #read(): Promise<Buffer | undefined> {
    const { done, value } = await unlessAborted(this.#signal, this.#chunks.next());
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

function countLines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** The error for an object that exists already: it belongs to another batch with the same id. */
export function batchIdCollision(name: string, cause: unknown): DataHubError {
  return new DataHubError('batch_id_collision', `staged object ${name} belongs to another batch`, { cause });
}
