import { readFile } from 'node:fs/promises';
import { streamProto } from './stream-proto.ts';
import { type Views, viewShapes } from './view-shapes.ts';

/**
 * The files of proto/ by name, for the streamed views among these: a .proto and its compiled form for each. A new .proto keeps the
 * field numbers of the existing one in `folder`.
 */
export async function generatedProto(views: Views, folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { shape } of await viewShapes(views)) {
    if (shape.loadType !== 'bq-storage-api') continue;
    const existing = await readFile(`${folder}${shape.target}.proto`, 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      },
    );
    const { proto, compiled } = streamProto(shape, existing);
    files.set(`${shape.target}.proto`, proto);
    files.set(`${shape.target}.json`, `${JSON.stringify(compiled, null, 2)}\n`);
  }
  return files;
}
