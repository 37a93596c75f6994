import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Bucket } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';
import { downloadOnce } from './download.ts';
import type { StagedObject } from './manifest.ts';

/** The text of a larger chunk would be one of V8's large objects, which are cleared away late: it costs 100 MB and a fifth of the rate. */
const GUNZIP_CHUNK_BYTES = 32 * 1024;

/**
 * The lines of a staged object, as they come, without their line ends; memory does not grow with their number. At the end the
 * object was what the manifest says, or it throws `staging_lost`: gone, cut short, damaged, or another object by now.
 */
export async function* readLines(
  bucket: Bucket,
  { name, rows, md5 }: StagedObject,
  signal: AbortSignal,
  callTimeoutSeconds: number,
): AsyncGenerator<string[]> {
  const stored = downloadOnce(bucket, name).createReadStream({ decompress: false, validation: false });
  await beginning(stored, name, signal, callTimeoutSeconds);
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
    // What the pipeline failed with is the cause; what the reader meets is its echo.
    throw readError(name, (await ended) ?? error);
  }
  if (count !== rows) throw damaged(name, `it has ${count} rows instead of ${rows}`);
  if (hash.digest('base64') !== md5) throw damaged(name, 'it is not the object that was staged');
}

/**
 * Waits until the object begins to come. A stream that is given up before is left alone: the client would end the process if the
 * answer came when it is destroyed.
 */
async function beginning(
  stored: Readable,
  name: string,
  signal: AbortSignal,
  callTimeoutSeconds: number,
): Promise<void> {
  stored.on('error', () => undefined);
  try {
    await withRequestTimeout(callTimeoutSeconds, once(stored, 'readable', { signal }));
  } catch (error) {
    signal.throwIfAborted();
    throw readError(name, error);
  }
}

async function* splitLines(chunks: Readable): AsyncGenerator<string[]> {
  // Joined only when its end is there: a line may be many chunks long.
  let begun: string[] = [];
  // Cuts no character in two.
  chunks.setEncoding('utf8');
  for await (const chunk of chunks as AsyncIterable<string>) {
    const [first = '', ...others] = chunk.split('\n');
    begun.push(first);
    const last = others.pop();
    if (last === undefined) continue;
    yield [begun.join(''), ...others];
    begun = [last];
  }
  const rest = begun.join('');
  if (rest !== '') yield [rest];
}

/** zlib's errors have codes of their own, `Z_DATA_ERROR` and its kin. */
function readError(name: string, error: unknown): DataHubError {
  const code = codeOf(error);
  if (code === 404) return damaged(name, 'it is gone', error);
  if (typeof code === 'string' && code.startsWith('Z_')) return damaged(name, String(error), error);
  return fromGoogle(error, `staged object ${name}`);
}

export function damaged(name: string, how: string, cause?: unknown): DataHubError {
  return new DataHubError('staging_lost', `staged object ${name} is lost: ${how}`, { cause });
}
