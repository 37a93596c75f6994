import type { Job, QueryResultsOptions } from '@google-cloud/bigquery';
import type { ErrorContext } from '../errors.ts';
import { fromGoogle } from '../google/google-errors.ts';

const PAGE_ROWS = 10_000;
const SMALL_PAGE_ROWS = 2_500;

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
  const options = { wrapIntegers: true, maxResults: PAGE_ROWS };
  for await (const rows of pagesOf(job, context, options)) {
    yield (rows as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, unwrap(cell)])),
    );
  }
}

/**
 * Yields the rows of a finished query job, from the row with this number on, as the texts of their cells. Nothing else is made of a page, and a page is so small
 * that V8 frees it early: see docs/configuration.md, "Memory".
 */
export async function* resultTexts(
  job: Job,
  context: ErrorContext,
  startRow: number,
): AsyncGenerator<readonly { v: string | null }[]> {
  const options = { skipParsing: true, maxResults: SMALL_PAGE_ROWS, startIndex: String(startRow) };
  for await (const rows of pagesOf(job, context, options)) {
    for (const { f } of rows as { f: { v: string | null }[] }[]) yield f;
  }
}

async function* pagesOf(
  job: Job,
  context: ErrorContext,
  options: QueryResultsOptions,
): AsyncGenerator<unknown[]> {
  let page: QueryResultsOptions = { ...options, autoPaginate: false };
  for (;;) {
    const [rows, next] = await job.getQueryResults(page).catch((error: unknown) => {
      throw fromGoogle(error, `results of job ${job.id}`, context);
    });
    yield rows as unknown[];
    if (next?.pageToken === undefined) return;
    const { startIndex: _, ...others } = page;
    page = { ...others, pageToken: next.pageToken };
  }
}

/** The client wraps integers, dates and times in objects that hold their text. */
const unwrap = (cell: unknown): unknown =>
  typeof cell === 'object' && cell !== null && 'value' in cell ? cell.value : cell;
