import { setTimeout as elapse } from 'node:timers/promises';
import { type Request, Router } from 'express';
import { BigQueryError, invalid } from '../error.ts';
import type { Job, JobConfiguration } from '../job.ts';
import { type JobServices, startJob } from '../job-runner.ts';
import type { Wanted } from '../results.ts';
import { sendRows } from './answer-rows.ts';
import { floatTimestamps } from './float-timestamps.ts';
import { find } from './job-routes.ts';
import { numberOf, textOf } from './list-page.ts';
import { queryBody } from './request-body.ts';
import { withoutUndefined } from './without-undefined.ts';

/** How long a request waits for its job: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#queryrequest */
const DEFAULT_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 200_000;

/** A request with the same id within this time gets the job of the first one. BigQuery's own time is [not documented]. */
const REQUEST_ID_LIFE_MS = 15 * 60_000;

/** jobs.query and jobs.getQueryResults: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs */
export function queryRoutes(services: JobServices): Router {
  const started = new Map<string, Promise<Job>>();
  const router = Router();
  router.post('/projects/:projectId/queries', async (request, response) => {
    const body = queryBody.parse(request.body);
    const {
      location,
      maxResults,
      timeoutMs,
      requestId,
      formatOptions,
      dryRun,
      jobTimeoutMs,
      labels,
      ...query
    } = body;
    const configuration: JobConfiguration = withoutUndefined({ query, dryRun, jobTimeoutMs, labels });
    const start = () => startJob({ projectId: request.params.projectId, location }, configuration, services);
    const job = await (requestId === undefined ? start() : oncePerRequest(started, requestId, start));
    await waitFor(job, timeoutMs);
    const wanted = {
      ...{ offset: 0, startIndex: 0, maxRows: maxResults ?? Number.POSITIVE_INFINITY },
      useInt64Timestamp: formatOptions?.useInt64Timestamp ?? false,
    };
    sendRows(response, await results(job, 'bigquery#queryResponse', wanted, services));
  });
  router.get('/projects/:projectId/queries/:jobId', async (request, response) => {
    const job = find(request, request.params, services);
    if (!job.record.configuration.query) throw invalid('The job is not a query job');
    await waitFor(job, numberOf(request, 'timeoutMs'));
    const wanted = {
      ...wantedBy(request),
      useInt64Timestamp: textOf(request, 'formatOptions.useInt64Timestamp') === 'true',
    };
    sendRows(response, await results(job, 'bigquery#getQueryResultsResponse', wanted, services));
  });
  return router;
}

function wantedBy(request: Request): Wanted {
  const token = textOf(request, 'pageToken');
  if (token !== undefined && !/^\d+$/.test(token)) throw invalid('Invalid page token');
  return {
    offset: Number(token ?? 0),
    // https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults does not say which of the two would win.
    startIndex: token === undefined ? (numberOf(request, 'startIndex') ?? 0) : 0,
    maxRows: numberOf(request, 'maxResults') ?? Number.POSITIVE_INFINITY,
  };
}

/** `requestId` makes jobs.query idempotent: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#queryrequest */
async function oncePerRequest(
  started: Map<string, Promise<Job>>,
  id: string,
  start: () => Promise<Job>,
): Promise<Job> {
  const running = started.get(id) ?? start();
  started.set(id, running);
  setTimeout(() => started.delete(id), REQUEST_ID_LIFE_MS).unref();
  return await running;
}

async function waitFor(job: Job, timeoutMs = DEFAULT_WAIT_MS): Promise<void> {
  const jobEnded = new AbortController();
  const wait = elapse(Math.min(timeoutMs, LONGEST_WAIT_MS), undefined, {
    signal: jobEnded.signal,
    ref: false,
  });
  await Promise.race([job.ended, wait]);
  jobEnded.abort();
  await wait.catch(() => undefined);
}

/** @throws BigQueryError the error of the job, if it failed. */
async function results(
  job: Job,
  kind: string,
  { useInt64Timestamp, ...wanted }: Wanted & { useInt64Timestamp: boolean },
  services: JobServices,
) {
  const { reference, query, result, errorResult } = job.record;
  const head = { kind, jobReference: reference, jobComplete: job.done };
  if (!job.done) return { body: head, rows: [] };
  if (errorResult) throw new BigQueryError(errorResult.reason, errorResult.message, errorResult.location);
  const { numDmlAffectedRows, dmlStats, totalBytesProcessed = '0' } = query ?? {};
  const statistics = {
    totalBytesProcessed,
    cacheHit: false,
    ...(numDmlAffectedRows !== undefined && { numDmlAffectedRows }),
    ...(dmlStats && { dmlStats }),
  };
  if (!result) return { body: { ...head, ...statistics }, rows: [] };
  const { rows, nextOffset } = await services.results.read(result, wanted);
  const body = {
    ...head,
    ...statistics,
    schema: { fields: result.fields },
    totalRows: String(result.totalRows),
    ...(nextOffset !== undefined && { pageToken: String(nextOffset) }),
  };
  return { body, rows: useInt64Timestamp ? rows : floatTimestamps(rows, result.fields) };
}
