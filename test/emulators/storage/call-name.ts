import type { Request } from 'express';

const RULES: readonly (readonly [method: string, path: RegExp, nameOf: (request: Request) => string])[] = [
  ['POST', /^(\/resumable)?\/upload\//, nameOfInsert],
  ['PUT', /^(\/resumable)?\/upload\//, nameOfPut],
  ['DELETE', /^(\/resumable)?\/upload\//, () => 'storage.objects.resumable.cancel'],
  ['POST', /\/b$/, () => 'storage.buckets.insert'],
  ['GET', /\/b$/, () => 'storage.buckets.list'],
  ['GET', /\/b\/[^/]+$/, () => 'storage.buckets.get'],
  ['PATCH', /\/b\/[^/]+$/, () => 'storage.buckets.patch'],
  ['DELETE', /\/b\/[^/]+$/, () => 'storage.buckets.delete'],
  ['GET', /\/b\/[^/]+\/o$/, () => 'storage.objects.list'],
  ['GET', /\/b\/[^/]+\/o\/[^/]+$/, nameOfGet],
  ['PATCH', /\/b\/[^/]+\/o\/[^/]+$/, () => 'storage.objects.patch'],
  ['DELETE', /\/b\/[^/]+\/o\/[^/]+$/, () => 'storage.objects.delete'],
  ['POST', /\/copyTo\/b\/[^/]+\/o\/[^/]+$/, () => 'storage.objects.copy'],
  ['POST', /\/rewriteTo\/b\/[^/]+\/o\/[^/]+$/, () => 'storage.objects.rewrite'],
  ['POST', /\/compose$/, () => 'storage.objects.compose'],
  ['GET', /^\/[^/]+\/./, () => 'storage.objects.download'],
];

/** What BigQuery says that it is when it reads the objects of a load job: no call of a client of Cloud Storage. */
export const BIGQUERY_AGENT = 'BigQuery';

/**
 * The name of the call that a request makes, as the JSON API calls its methods. An upload in pieces is told apart by
 * its steps (`storage.objects.resumable.start`, `.chunk`, `.status`, `.cancel`), a download from a look at metadata.
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
