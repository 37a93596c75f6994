import { type Request, Router } from 'express';
import type { Job } from '../job.ts';
import { type JobServices, startJob } from '../job-runner.ts';
import { pageOf, textOf } from './list-page.ts';
import { jobBody } from './request-body.ts';
import { jobResource } from './resource.ts';
import { withoutUndefined } from './without-undefined.ts';

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs */
export function jobRoutes(services: JobServices): Router {
  const { jobs } = services;
  const router = Router();
  router.post('/projects/:projectId/jobs', async (request, response) => {
    const { jobReference = {}, configuration } = jobBody.parse(request.body);
    const wanted = { ...jobReference, projectId: request.params.projectId };
    response.json(jobResource(await startJob(wanted, withoutUndefined(configuration), services)));
  });
  router.get('/projects/:projectId/jobs', (request, response) => {
    const found = jobs.list(request.params.projectId, textOf(request, 'parentJobId'));
    const { items, ...page } = pageOf(found, request);
    response.json({ kind: 'bigquery#jobList', jobs: items.map(listItem), ...page });
  });
  router.get('/projects/:projectId/jobs/:jobId', (request, response) => {
    response.json(jobResource(find(request, request.params, services)));
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
