import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Field } from './field.ts';

/** The result of a query. A file contains the rows as the REST interface sends them, one per line, so that they need no memory. */
export interface QueryResult {
  readonly fields: readonly Field[];
  readonly totalRows: number;
  /** Undefined if there are no rows. */
  readonly file?: string;
}

/** Which rows a page has. */
export interface Wanted {
  /** Where to begin in the file: 0, or the `nextOffset` of the page before. */
  readonly offset: number;
  /** How many rows to leave out from there on. */
  readonly startIndex: number;
  readonly maxRows: number;
}

export interface Page {
  /** Rows as JSON texts. */
  readonly rows: readonly string[];
  /** Where the next page begins; undefined on the last page. */
  readonly nextOffset?: number;
}

/** The maximum of a page: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#queryrequest */
const MAX_PAGE_BYTES = 10_000_000;

/** The folder with the results of queries. */
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

  /** One page of rows. */
  async read({ file }: QueryResult, { offset, startIndex, maxRows }: Wanted): Promise<Page> {
    if (file === undefined) return { rows: [] };
    const input = createReadStream(path.join(this.#folder, file), { start: offset });
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    const rows: string[] = [];
    let bytes = 0;
    let skipped = 0;
    let start = offset;
    try {
      for await (const line of lines) {
        const size = Buffer.byteLength(line) + 1;
        if (skipped < startIndex) {
          skipped += 1;
          start += size;
          continue;
        }
        if (rows.length >= maxRows || (rows.length > 0 && bytes + size > MAX_PAGE_BYTES)) {
          return { rows, nextOffset: start + bytes };
        }
        rows.push(line);
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

/** readline also ends lines at U+2028 and U+2029, which JSON can contain in strings only. */
function asOneLine(json: string): string {
  return json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
