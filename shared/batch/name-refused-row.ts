import { DataHubError } from '../errors.ts';
import { formatKey } from '../model/format-key.ts';
import { thenRedrive } from '../model/resume-advice.ts';
import type { Manifest, Staging } from '../staging/staging.ts';

/** BigQuery names a row that it cannot load by its file and by the byte offset at which the row starts in the uncompressed content. */
const POSITION = /in row starting at position (\d+)/;

/** The staged objects of a load. */
export type LoadedObjects = Pick<Manifest, 'format' | 'objects'> & {
  view: string;
  keyColumn: string;
  signal: AbortSignal;
};

/**
 * Runs `load`, a load of staged objects. When BigQuery refuses a row, throws `bad_data` that names the row's key: the source's check did
 * not know that the value is unrepresentable. Throws any other failure unchanged, and one whose row cannot be found.
 */
export async function nameRefusedRow<T>(
  loaded: LoadedObjects,
  staging: Staging,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw await withRowKey(error, loaded, staging);
  }
}

async function withRowKey(error: unknown, loaded: LoadedObjects, staging: Staging): Promise<unknown> {
  if (!(error instanceof DataHubError)) return error;
  const position = POSITION.exec(error.message)?.[1];
  const object = loaded.objects.find((each) => error.message.includes(staging.uri(each)));
  if (position === undefined || object === undefined || loaded.format !== 'ndjson') return error;
  try {
    const line = await lineAt(staging.readLines(object, loaded.signal), Number(position));
    const row = JSON.parse(line) as Record<string, unknown>;
    const message = `view ${loaded.view}: key ${formatKey(row[loaded.keyColumn])}: ${error.message}`;
    return new DataHubError('bad_data', message, {
      context: error.context,
      advice: `Correct the row, or change the column in the view. ${thenRedrive(loaded.view)}`,
      cause: error,
    });
  } catch {
    // The refusal itself matters more than the reason why its row could not be read.
    return error;
  }
}

/** The line that contains the byte at `position`; an empty text past the end. */
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
