import type { Request } from 'express';
import { invalid } from '../error.ts';

/** BigQuery's own default is [not documented]. */
const DEFAULT_PAGE = 1000;

/** One page of a list, by `maxResults` and `pageToken`: https://cloud.google.com/bigquery/docs/paging-results */
export function pageOf<T>(
  items: readonly T[],
  request: Request,
): { readonly items: readonly T[]; readonly nextPageToken?: string } {
  const start = numberOf(request, 'pageToken') ?? 0;
  const end = start + (numberOf(request, 'maxResults') ?? DEFAULT_PAGE);
  return { items: items.slice(start, end), ...(end < items.length && { nextPageToken: String(end) }) };
}

/** A whole number in the query string. */
export function numberOf(request: Request, name: string): number | undefined {
  const text = textOf(request, name);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw invalid(`Invalid value for ${name}: ${text}`);
  return Number(text);
}

export function textOf(request: Request, name: string): string | undefined {
  const value = request.query[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
