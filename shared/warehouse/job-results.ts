import type { Job } from '@google-cloud/bigquery';
import type { ErrorContext } from '../errors.ts';
import { fromGoogle } from '../google/google-errors.ts';

const PAGE_ROWS = 10_000;

/** Returns the rows of a finished query job, with 64-bit integers as text. */
export async function resultRows(job: Job, context: ErrorContext): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const page of resultPages(job, context)) rows.push(...page);
  return rows;
}

/** Yields the rows of a finished query job in pages, so that memory does not grow with their number. */
export async function* resultPages(
  job: Job,
  context: ErrorContext,
): AsyncGenerator<Record<string, unknown>[]> {
  let pageToken: string | undefined;
  do {
    const options = { wrapIntegers: true, autoPaginate: false, maxResults: PAGE_ROWS };
    const [rows, next] = await job
      .getQueryResults(pageToken === undefined ? options : { ...options, pageToken })
      .catch((error: unknown) => {
        throw fromGoogle(error, `results of job ${job.id}`, context);
      });
    yield (rows as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, unwrap(cell)])),
    );
    pageToken = next?.pageToken;
  } while (pageToken !== undefined);
}

/** The client wraps integers, dates and times in objects that hold their text. */
const unwrap = (cell: unknown): unknown =>
  typeof cell === 'object' && cell !== null && 'value' in cell ? cell.value : cell;
