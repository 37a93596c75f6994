import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Bucket } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { StagedObject } from '../model/staged-format.ts';
import { download } from './download.ts';

/** The text of a larger chunk would be one of V8's large objects, which are freed late: that costs 100 MB and a fifth of the throughput. */
const GUNZIP_CHUNK_BYTES = 32 * 1024;

/**
 * Yields the lines of a staged object as they arrive, without their line ends; memory does not grow with their number. After the last line
 * it has checked the object against the manifest. Throws `staging_lost` for an object that is gone, truncated, corrupt or replaced.
 */
export async function* readLines(
  bucket: Bucket,
  { name, rows, md5 }: StagedObject,
  signal: AbortSignal,
  callTimeoutSeconds: number,
): AsyncGenerator<string[]> {
  const stored = await download(bucket, name, { signal, callTimeoutSeconds }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw readError(name, error);
  });
  const hash = createHash('md5');
  stored.on('data', (chunk: Buffer) => hash.update(chunk));
  const unpacked = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES });
  const ended = pipeline(stored, unpacked, { signal }).catch((error: unknown) => error);
  let count = 0;
  try {
    for await (const lines of splitLines(unpacked)) {
      count += lines.length;
      yield lines;
    }
  } catch (error) {
    signal.throwIfAborted();
    // The pipeline's error is the cause; the reader's error only follows from it.
    throw readError(name, (await ended) ?? error);
  }
  if (count !== rows) throw stagingLost(name, `it has ${count} rows instead of ${rows}`);
  if (hash.digest('base64') !== md5) throw stagingLost(name, 'another object has replaced it');
}

/** Yields the lines of a text as they arrive, in groups, without their line ends. */
export async function* splitLines(chunks: Readable): AsyncGenerator<string[]> {
  // The start of a line that has not ended yet. Its parts are joined only once, since a line may span many chunks.
  let unfinished: string[] = [];
  // Decodes characters that span two chunks.
  chunks.setEncoding('utf8');
  for await (const chunk of chunks as AsyncIterable<string>) {
    const [first = '', ...others] = chunk.split('\n');
    unfinished.push(first);
    const last = others.pop();
    if (last === undefined) continue;
    yield [unfinished.join(''), ...others];
    unfinished = [last];
  }
  const rest = unfinished.join('');
  if (rest !== '') yield [rest];
}

/** Classifies an error of a download. zlib's errors have codes of their own, for example `Z_DATA_ERROR` and `ZSTD_error_checksum_wrong`. */
export function readError(name: string, error: unknown): DataHubError {
  const code = codeOf(error);
  if (code === 404) return stagingLost(name, 'it is gone', error);
  if (typeof code === 'string' && /^(?:Z|ZSTD)_/.test(code)) return stagingLost(name, String(error), error);
  return fromGoogle(error, `staged object ${name}`);
}

export function stagingLost(name: string, why: string, cause?: unknown): DataHubError {
  return new DataHubError('staging_lost', `staged object ${name} is lost: ${why}`, { cause });
}
