import type { Request } from 'express';

/**
 * The REST methods by HTTP method and path pattern relative to the base; `*` matches one part.
 * https://cloud.google.com/bigquery/docs/reference/rest
 */
const METHODS: readonly (readonly [method: string, path: string, name: string])[] = [
  ['GET', 'projects/*/datasets', 'datasets.list'],
  ['POST', 'projects/*/datasets', 'datasets.insert'],
  ['GET', 'projects/*/datasets/*', 'datasets.get'],
  ['PATCH', 'projects/*/datasets/*', 'datasets.patch'],
  ['PUT', 'projects/*/datasets/*', 'datasets.update'],
  ['DELETE', 'projects/*/datasets/*', 'datasets.delete'],
  ['GET', 'projects/*/datasets/*/tables', 'tables.list'],
  ['POST', 'projects/*/datasets/*/tables', 'tables.insert'],
  ['GET', 'projects/*/datasets/*/tables/*', 'tables.get'],
  ['PATCH', 'projects/*/datasets/*/tables/*', 'tables.patch'],
  ['PUT', 'projects/*/datasets/*/tables/*', 'tables.update'],
  ['DELETE', 'projects/*/datasets/*/tables/*', 'tables.delete'],
  ['GET', 'projects/*/datasets/*/tables/*/data', 'tabledata.list'],
  ['GET', 'projects/*/datasets/*/routines', 'routines.list'],
  ['GET', 'projects/*/datasets/*/routines/*', 'routines.get'],
  ['DELETE', 'projects/*/datasets/*/routines/*', 'routines.delete'],
  ['GET', 'projects/*/jobs', 'jobs.list'],
  ['POST', 'projects/*/jobs', 'jobs.insert'],
  ['GET', 'projects/*/jobs/*', 'jobs.get'],
  ['POST', 'projects/*/jobs/*/cancel', 'jobs.cancel'],
  ['POST', 'projects/*/queries', 'jobs.query'],
  ['GET', 'projects/*/queries/*', 'jobs.getQueryResults'],
];

const PATTERNS = METHODS.map(([method, path, name]) => ({
  method,
  pattern: new RegExp(`^/${path.replaceAll('*', '[^/]+')}/?$`),
  name: `bigquery.${name}`,
}));

/** Returns the name that scripts faults for this request, for example `bigquery.jobs.insert`. */
export function callName(request: Request): string | undefined {
  return PATTERNS.find(({ method, pattern }) => method === request.method && pattern.test(request.path))
    ?.name;
}
