import { DataHubError } from '../errors.ts';
import { formatKey } from '../model/format-key.ts';
import type { StagedObject, Staging } from '../staging/staging.ts';

/** BigQuery names a row that it cannot load by its file and by the byte at which it starts in the file's content. */
const POSITION = /in row starting at position (\d+)/;

export type Loaded = {
  view: string;
  keyColumn: string;
  objects: StagedObject[];
  signal: AbortSignal;
};

/**
 * Runs `load`, a load of staged objects. A failure because of a row that BigQuery refused is told with that row's key: `bad_data`, as
 * a value that the source's check did not know. Any other failure, or one whose row cannot be found, is thrown as it is.
 */
export async function nameRefusedRow<T>(
  loaded: Loaded,
  staging: Staging,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw await toldWithKey(error, loaded, staging);
  }
}

async function toldWithKey(error: unknown, loaded: Loaded, staging: Staging): Promise<unknown> {
  if (!(error instanceof DataHubError)) return error;
  const position = POSITION.exec(error.message)?.[1];
  const object = loaded.objects.find((each) => error.message.includes(staging.uri(each)));
  if (position === undefined || object === undefined) return error;
  try {
    const line = await lineAt(staging.readLines(object, loaded.signal), Number(position));
    const row = JSON.parse(line) as Record<string, unknown>;
    const message = `view ${loaded.view}: key ${formatKey(row[loaded.keyColumn])}: ${error.message}`;
    return new DataHubError('bad_data', message, { context: error.context, cause: error });
  } catch {
    return error;
  }
}

/** The line in which that byte is; an empty text past the end. */
async function lineAt(pages: AsyncIterable<string[]>, position: number): Promise<string> {
  let end = 0;
  for await (const lines of pages) {
    for (const line of lines) {
      end += Buffer.byteLength(line) + 1;
      if (position < end) return line;
    }
  }
  return '';
}
