import type { Request } from 'express';
import { invalid } from './storage-error.ts';

/** A query parameter, which may be given once. An empty one counts as absent [not documented]. */
export function queryText(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`The parameter ${name} was given more than once.`);
  return value;
}
