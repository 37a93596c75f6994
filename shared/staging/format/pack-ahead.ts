import type { RowBlock } from '../../model/column-writer.ts';
import { mapAhead } from './map-ahead.ts';

/** Packs blocks in threads of their own while later ones are filled, unless they are large. */
export const packAhead = (
  blocks: AsyncIterable<RowBlock>,
  pack: (block: RowBlock) => Promise<Buffer>,
): AsyncGenerator<Buffer> => mapAhead(blocks, pack, ({ bytes }) => bytes.length);
