import { DataHubError, type ErrorContext } from '../errors.ts';

/** Google recommends requests of 1 to 10 MB; small ones keep the memory of unanswered requests small. */
const REQUEST_BYTES = 2_000_000;
/** A row costs memory besides its bytes, so requests of small rows are limited by rows as well. */
const REQUEST_ROWS = 10_000;
/** A request may hold 20 MB with its descriptor (https://cloud.google.com/bigquery/quotas#write-api-limits). */
const MAX_ROW_BYTES = 19_000_000;

/** Who the rows belong to, for errors. */
export type RowNaming = {
  context: ErrorContext;
  /** Names an encoded row in an error: "key 12". */
  nameRow: (row: Uint8Array) => string;
};

/** Groups encoded rows into append requests. Throws `bad_data` for a row that no request can hold. */
export async function* appendRequests(
  rows: AsyncIterable<readonly Uint8Array[]>,
  { context, nameRow }: RowNaming,
): AsyncGenerator<Uint8Array[]> {
  let request: Uint8Array[] = [];
  let bytes = 0;
  for await (const some of rows) {
    for (const row of some) {
      if (row.length > MAX_ROW_BYTES) {
        throw new DataHubError(
          'bad_data',
          `view ${context.view}: ${nameRow(row)}: the row is too large for streaming`,
          { context },
        );
      }
      if (bytes + row.length > MAX_ROW_BYTES) {
        yield request;
        request = [];
        bytes = 0;
      }
      request.push(row);
      bytes += row.length;
      if (bytes < REQUEST_BYTES && request.length < REQUEST_ROWS) continue;
      yield request;
      request = [];
      bytes = 0;
    }
  }
  if (request.length > 0) yield request;
}
