/** Blocks that wait for their turn, each compressed or being compressed in a thread of its own. */
const AHEAD = 2;

/** Packs the blocks while later ones are made, and yields them in their order. */
export async function* packAhead<Block>(
  blocks: AsyncIterable<Block>,
  pack: (block: Block) => Promise<Buffer>,
): AsyncGenerator<Buffer> {
  const packing: Promise<Buffer>[] = [];
  for await (const block of blocks) {
    const packed = pack(block);
    // Whoever awaits it gets its failure; until then it is no unhandled one.
    packed.catch(() => undefined);
    packing.push(packed);
    if (packing.length > AHEAD) yield (await packing.shift()) as Buffer;
  }
  for (const packed of packing) yield await packed;
}
