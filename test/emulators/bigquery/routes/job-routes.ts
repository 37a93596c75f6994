import { type Request, Router } from 'express';
import type { Job } from '../job.ts';
import { type JobServices, startJob } from '../job-runner.ts';
import { numberOf, pageOf, textOf } from './list-page.ts';
import { jobBody } from './request-body.ts';
import { jobResource } from './resource.ts';
import { withoutUndefined } from './without-undefined.ts';

export function jobRoutes(services: JobServices): Router {
  const { jobs } = services;
  const router = Router();
  router.post('/projects/:projectId/jobs', async (request, response) => {
    const { jobReference = {}, configuration } = jobBody.parse(request.body);
    const wanted = { ...jobReference, projectId: request.params.projectId };
    response.json(jobResource(await startJob(wanted, withoutUndefined(configuration), services)));
  });
  router.get('/projects/:projectId/jobs', (request, response) => {
    const found = jobs
      .list(request.params.projectId, textOf(request, 'parentJobId'))
      .filter((job) => matches(job, request));
    const { items, ...page } = pageOf(found, request);
    response.json({ kind: 'bigquery#jobList', jobs: items.map(listItem), ...page });
  });
  router.get('/projects/:projectId/jobs/:jobId', (request, response) => {
    response.json(jobResource(find(request, request.params, services)));
  });
  router.post('/projects/:projectId/jobs/:jobId/cancel', (request, response) => {
    const job = find(request, request.params, services);
    if (!job.done) job.stop('Job execution was cancelled: User requested cancellation');
    response.json({ kind: 'bigquery#jobCancelResponse', job: jobResource(job) });
  });
  return router;
}

export function find(
  request: Request,
  { projectId, jobId }: { projectId: string; jobId: string },
  { jobs }: JobServices,
): Job {
  return jobs.find(projectId, jobId, textOf(request, 'location'));
}

function listItem(job: Job) {
  const { state, errorResult } = job.record;
  return { ...jobResource(job), state, ...(errorResult && { errorResult }) };
}

/**
 * Applies the filters of jobs.list: times in milliseconds, and one or more states.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/list
 */
function matches({ record }: Job, request: Request): boolean {
  const { stateFilter } = request.query;
  const states = [stateFilter ?? []].flat().map((state) => String(state).toUpperCase());
  return (
    record.creationTime >= (numberOf(request, 'minCreationTime') ?? 0) &&
    record.creationTime <= (numberOf(request, 'maxCreationTime') ?? Number.POSITIVE_INFINITY) &&
    (states.length === 0 || states.includes(record.state))
  );
}
