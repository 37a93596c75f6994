import { Router } from 'express';
import { createdNow, type Dataset, type Labels } from '../catalog.ts';
import { invalid } from '../error.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { pageOf, textOf } from './list-page.ts';
import { datasetBody } from './request-body.ts';
import { datasetResource } from './resource.ts';

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets */
const DEFAULT_LOCATION = 'US';

export function datasetRoutes({ catalog }: Warehouse): Router {
  const router = Router();
  router.get('/projects/:projectId/datasets', (request, response) => {
    const { items, ...page } = pageOf(catalog.datasets(request.params.projectId), request);
    response.json({ kind: 'bigquery#datasetList', datasets: items.map(datasetResource), ...page });
  });
  router.post('/projects/:projectId/datasets', async (request, response) => {
    const { datasetReference, location = DEFAULT_LOCATION, ...described } = datasetBody.parse(request.body);
    if (!datasetReference) throw invalid('Required parameter is missing: datasetReference');
    const { datasetId } = datasetReference;
    // https://cloud.google.com/bigquery/docs/datasets#dataset-naming
    if (!/^\w{1,1024}$/.test(datasetId)) throw invalid(`Invalid dataset ID "${datasetId}".`);
    const reference = { projectId: request.params.projectId, datasetId };
    const dataset: Dataset = { reference, location, ...createdNow(), ...description(described, {}) };
    await catalog.createDataset(dataset);
    response.json(datasetResource(dataset));
  });
  router.get('/projects/:projectId/datasets/:datasetId', (request, response) => {
    response.json(datasetResource(catalog.dataset(request.params)));
  });
  for (const method of ['patch', 'put'] as const) {
    router[method]('/projects/:projectId/datasets/:datasetId', async (request, response) => {
      const before = catalog.dataset(request.params);
      const change = description(datasetBody.parse(request.body), before.labels ?? {});
      const dataset: Dataset = { ...before, ...change, lastModifiedTime: String(Date.now()) };
      await catalog.updateDataset(dataset);
      response.json(datasetResource(dataset));
    });
  }
  router.delete('/projects/:projectId/datasets/:datasetId', async (request, response) => {
    await catalog.deleteDataset(request.params, textOf(request, 'deleteContents') === 'true');
    response.status(204).end();
  });
  return router;
}

/**
 * Returns the description, name and labels after a change. Null removes a value; a label stays unless the change names it.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/patch
 */
export function description(
  body: {
    description?: string | null | undefined;
    friendlyName?: string | null | undefined;
    labels?: Record<string, string | null> | null | undefined;
  },
  before: Labels,
): { description?: string; friendlyName?: string; labels?: Labels } {
  const labels = Object.entries({ ...before, ...body.labels }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  return {
    ...(body.description !== undefined && { description: body.description ?? '' }),
    ...(body.friendlyName !== undefined && { friendlyName: body.friendlyName ?? '' }),
    ...(body.labels !== undefined && { labels: Object.fromEntries(body.labels === null ? [] : labels) }),
  };
}
