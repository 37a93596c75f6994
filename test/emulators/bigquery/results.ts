import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Field } from './field.ts';

/** The result of a query. The rows are in a file with one wire row per line, so that they take no memory. */
export interface QueryResult {
  readonly fields: readonly Field[];
  readonly totalRows: number;
  /** Undefined if there are no rows. */
  readonly file?: string;
}

export interface Page {
  /** The rows as JSON text. */
  readonly rows: readonly string[];
  /** The file offset of the next page; undefined on the last page. */
  readonly nextOffset?: number;
}

/**
 * BigQuery ends a page at 10 MB, even if the caller asks for more.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
 */
const MAX_PAGE_BYTES = 10_000_000;

/** Stores the rows of query results in a folder. */
export class Results {
  readonly #folder: string;
  #serial = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(fields: readonly Field[], batches: AsyncIterable<readonly string[]>): Promise<QueryResult> {
    let totalRows = 0;
    const lines = async function* () {
      for await (const batch of batches) {
        totalRows += batch.length;
        yield `${batch.map(asOneLine).join('\n')}\n`;
      }
    };
    const file = `${Date.now()}-${++this.#serial}.ndjson`;
    const location = path.join(this.#folder, file);
    await mkdir(this.#folder, { recursive: true });
    await pipeline(Readable.from(lines()), createWriteStream(location));
    if (totalRows > 0) return { fields, totalRows, file };
    await rm(location);
    return { fields, totalRows };
  }

  /** Reads at most `maxRows` rows from the offset of an earlier page, 0 for the first. Leaves out the first `skip` rows. */
  async read({ file }: QueryResult, offset: number, maxRows: number, skip = 0): Promise<Page> {
    if (file === undefined) return { rows: [] };
    const input = createReadStream(path.join(this.#folder, file), { start: offset });
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    const rows: string[] = [];
    let bytes = 0;
    let toSkip = skip;
    try {
      for await (const line of lines) {
        const size = Buffer.byteLength(line) + 1;
        if (toSkip > 0) toSkip -= 1;
        else if (rows.length >= maxRows || (rows.length > 0 && bytes + size > MAX_PAGE_BYTES)) {
          return { rows, nextOffset: offset + bytes };
        } else rows.push(line);
        bytes += size;
      }
      return { rows };
    } finally {
      lines.close();
      input.destroy();
    }
  }

  async delete({ file }: QueryResult): Promise<void> {
    if (file !== undefined) await rm(path.join(this.#folder, file), { force: true });
  }
}

/** readline also ends a line at U+2028 and U+2029; JSON has these only inside strings, where they can be escaped. */
function asOneLine(json: string): string {
  return json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
