import type { Request } from 'express';

const RULES: readonly (readonly [method: string, path: RegExp, nameOf: (request: Request) => string])[] = [
  ['POST', /^(\/resumable)?\/upload\//, nameOfInsert],
  ['PUT', /^(\/resumable)?\/upload\//, nameOfPut],
  ['POST', /\/b$/, () => 'storage.buckets.insert'],
  ['GET', /\/b\/[^/]+$/, () => 'storage.buckets.get'],
  ['GET', /\/b\/[^/]+\/o$/, () => 'storage.objects.list'],
  ['GET', /\/b\/[^/]+\/o\/[^/]+$/, nameOfGet],
  ['DELETE', /\/b\/[^/]+\/o\/[^/]+$/, () => 'storage.objects.delete'],
];

/** The user agent of BigQuery's emulator, which reads the objects of a load job. */
export const BIGQUERY_AGENT = 'BigQuery';

/**
 * The name of a request's call: the method of the JSON API. The steps of a resumable upload (`storage.objects.resumable.start`,
 * `.chunk`, `.status`) and a download have names of their own, and so has a download by BigQuery (`bigquery.job.download`).
 */
export function callName(request: Request): string | undefined {
  const rule = RULES.find(([method, path]) => method === request.method && path.test(request.path));
  return rule?.[2](request);
}

function nameOfInsert(request: Request): string {
  return request.query.uploadType === 'resumable'
    ? 'storage.objects.resumable.start'
    : 'storage.objects.insert';
}

function nameOfPut(request: Request): string {
  const asksForState = request.get('content-range') === 'bytes */*';
  return asksForState ? 'storage.objects.resumable.status' : 'storage.objects.resumable.chunk';
}

function nameOfGet(request: Request): string {
  if (request.get('user-agent') === BIGQUERY_AGENT) return 'bigquery.job.download';
  return request.query.alt === 'media' ? 'storage.objects.download' : 'storage.objects.get';
}
