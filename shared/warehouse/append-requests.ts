import { DataHubError, type ErrorContext } from '../errors.ts';
import { MAX_STREAMED_ROW_BYTES } from '../model/row-limits.ts';

/** Google recommends 1 to 10 MB for a request. Small requests keep the memory of unanswered requests small. */
const REQUEST_BYTES = 2_000_000;
/** Each row costs memory beyond its bytes, so the number of rows in a request is limited as well. */
const REQUEST_ROWS = 10_000;

/** How errors name the batch and its rows. */
export type RowNaming = {
  context: ErrorContext;
  /** Names an encoded row, for example "key 12". */
  nameRow: (row: Uint8Array) => string;
};

/** Groups encoded rows into append requests, in order. Throws `bad_data` for a row that is larger than a request can be. */
export async function* appendRequests(
  rows: AsyncIterable<readonly Uint8Array[]>,
  { context, nameRow }: RowNaming,
): AsyncGenerator<Uint8Array[]> {
  let request: Uint8Array[] = [];
  let bytes = 0;
  for await (const some of rows) {
    for (const row of some) {
      if (row.length > MAX_STREAMED_ROW_BYTES) {
        throw new DataHubError(
          'bad_data',
          `view ${context.view}: ${nameRow(row)}: the row has ${row.length} bytes; streaming takes at most ${MAX_STREAMED_ROW_BYTES}`,
          {
            context,
            advice:
              'Make the row smaller, or leave its large columns out of the view. Or change the load type to merge. Then redrive the view: its rows are captured again.',
          },
        );
      }
      if (bytes + row.length > MAX_STREAMED_ROW_BYTES) {
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
