import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Bucket } from '@google-cloud/storage';
import type { RowBlock } from '../model/column-writer.ts';
import type { StagedObject } from '../model/staged-format.ts';
import { download } from './download.ts';
import { mapAhead } from './format/map-ahead.ts';
import { messagesOf, packedBlocks } from './format/message-blocks.ts';
import { decompress } from './format/zstd.ts';
import { readError, stagingLost } from './read-lines.ts';

/** Messages that were staged together, and what their rows count as. */
export type MessageBlock = { messages: Buffer[]; counts: RowBlock['counts'] };

/**
 * Yields the protobuf messages of a staged object in blocks as they arrive; memory does not grow with their number. After the last block it has checked the object
 * against the manifest. Throws `staging_lost` for an object that is gone, truncated, corrupt or replaced.
 */
export async function* readMessages(
  bucket: Bucket,
  { name, rows, md5 }: StagedObject,
  signal: AbortSignal,
  callTimeoutSeconds: number,
): AsyncGenerator<MessageBlock> {
  const hash = createHash('md5');
  let count = 0;
  try {
    const stored = await download(bucket, name, { signal, callTimeoutSeconds });
    const blocks = mapAhead(packedBlocks(hashed(stored, hash)), async (block) => ({
      ...block,
      bytes: await decompress(block.packed),
    }));
    for await (const { bytes, counts } of blocks) {
      // Cut only now: a message costs more memory than its bytes.
      const messages = messagesOf(bytes);
      count += messages.length;
      yield { messages, counts };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RangeError) throw stagingLost(name, error.message, error);
    throw readError(name, error);
  }
  if (count !== rows) throw stagingLost(name, `it has ${count} rows instead of ${rows}`);
  if (hash.digest('base64') !== md5) throw stagingLost(name, 'another object has replaced it');
}

async function* hashed(stored: Readable, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const chunk of stored as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
}
