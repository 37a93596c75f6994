import type { RowBlock } from '../../model/column-writer.ts';

// A staged object of protobuf messages is a sequence of blocks. Each begins with five 32-bit numbers, the lowest byte first: its rows, of which so many were added, changed
// and deleted, and the bytes of what follows: its messages, each after its length as a varint, compressed.

const NUMBER_BYTES = 4;
/** The bytes of the header of a block. */
export const BLOCK_HEADER = 5 * NUMBER_BYTES;

/** The header of a block with so many bytes after compression. */
export function blockHeader({ rows, counts }: RowBlock, packedBytes: number): Buffer {
  const header = Buffer.alloc(BLOCK_HEADER);
  const numbers = [rows, counts.added, counts.changed, counts.deleted, packedBytes];
  numbers.forEach((number, i) => {
    header.writeUInt32LE(number, i * NUMBER_BYTES);
  });
  return header;
}

/** A block as it is stored. */
export type PackedBlock = { rows: number; counts: RowBlock['counts']; packed: Buffer };

/** Takes a stored object apart into its blocks as it arrives. Throws a RangeError for one that ends within a block. */
export async function* packedBlocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<PackedBlock> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let needed = BLOCK_HEADER;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < needed) continue;
    let rest = Buffer.concat(waiting);
    for (;;) {
      needed = BLOCK_HEADER;
      if (rest.length < needed) break;
      const [rows = 0, added = 0, changed = 0, deleted = 0, packedBytes = 0] = [0, 1, 2, 3, 4].map((i) =>
        rest.readUInt32LE(i * NUMBER_BYTES),
      );
      needed = BLOCK_HEADER + packedBytes;
      if (rest.length < needed) break;
      yield { rows, counts: { added, changed, deleted }, packed: rest.subarray(BLOCK_HEADER, needed) };
      rest = rest.subarray(needed);
    }
    waiting = [rest];
    bytes = rest.length;
  }
  if (bytes > 0) throw new RangeError('it ends within a block');
}

/** The messages of a block, without their lengths. Throws a RangeError unless the block consists of whole messages. */
export function messagesOf(block: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let at = 0;
  while (at < block.length) {
    let length = 0;
    let shift = 0;
    let byte = 0x80;
    while (byte >= 0x80) {
      byte = block[at] ?? -1;
      if (byte < 0) throw new RangeError('it ends within a message');
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      at += 1;
    }
    if (at + length > block.length) throw new RangeError('it ends within a message');
    messages.push(block.subarray(at, at + length));
    at += length;
  }
  return messages;
}
