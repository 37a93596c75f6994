import type { Request } from 'express';

/**
 * The supported methods of the REST interface, by HTTP method and path behind the base; `*` is any one part.
 * https://cloud.google.com/bigquery/docs/reference/rest
 */
const METHODS: readonly (readonly [method: string, path: string, name: string])[] = [
  ['GET', 'projects/*/datasets', 'datasets.list'],
  ['POST', 'projects/*/datasets', 'datasets.insert'],
  ['GET', 'projects/*/datasets/*', 'datasets.get'],
  ['PATCH', 'projects/*/datasets/*', 'datasets.patch'],
  ['GET', 'projects/*/datasets/*/tables', 'tables.list'],
  ['GET', 'projects/*/datasets/*/tables/*', 'tables.get'],
  ['PATCH', 'projects/*/datasets/*/tables/*', 'tables.patch'],
  ['GET', 'projects/*/jobs', 'jobs.list'],
  ['POST', 'projects/*/jobs', 'jobs.insert'],
  ['GET', 'projects/*/jobs/*', 'jobs.get'],
  ['POST', 'projects/*/queries', 'jobs.query'],
  ['GET', 'projects/*/queries/*', 'jobs.getQueryResults'],
];

const PATTERNS = METHODS.map(([method, path, name]) => ({
  method,
  pattern: new RegExp(`^/${path.replaceAll('*', '[^/]+')}/?$`),
  name: `bigquery.${name}`,
}));

/** The name of a request's call, for scripted faults: `bigquery.jobs.insert`. */
export function callName(request: Request): string | undefined {
  return PATTERNS.find(({ method, pattern }) => method === request.method && pattern.test(request.path))
    ?.name;
}
