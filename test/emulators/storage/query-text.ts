import type { Request } from 'express';
import { invalid } from './storage-error.ts';

/** A query parameter that may be given once; an empty one counts as absent, as Google's APIs have it. */
export function queryText(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`The parameter ${name} was given more than once.`);
  return value;
}
