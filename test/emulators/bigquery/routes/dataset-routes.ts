import { Router } from 'express';
import { createdNow, type Dataset } from '../catalog.ts';
import { invalid } from '../error.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { pageOf } from './list-page.ts';
import { datasetBody, datasetPatch } from './request-body.ts';
import { datasetResource } from './resource.ts';

const DATASETS = '/projects/:projectId/datasets';
/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#resource:-dataset */
const DEFAULT_LOCATION = 'US';

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets */
export function datasetRoutes({ catalog }: Warehouse): Router {
  const router = Router();
  router.get(DATASETS, (request, response) => {
    const { items, ...page } = pageOf(catalog.datasets(request.params.projectId), request);
    response.json({ kind: 'bigquery#datasetList', datasets: items.map(datasetResource), ...page });
  });
  router.post(DATASETS, async (request, response) => {
    const { datasetReference, location = DEFAULT_LOCATION } = datasetBody.parse(request.body);
    const { datasetId } = datasetReference;
    // https://cloud.google.com/bigquery/docs/datasets#dataset-naming
    if (!/^\w{1,1024}$/.test(datasetId)) throw invalid(`Invalid dataset ID "${datasetId}".`);
    const reference = { projectId: request.params.projectId, datasetId };
    const dataset: Dataset = { reference, location, ...createdNow() };
    await catalog.createDataset(dataset);
    response.json(datasetResource(dataset));
  });
  router.get(`${DATASETS}/:datasetId`, (request, response) => {
    response.json(datasetResource(catalog.dataset(request.params)));
  });
  router.patch(`${DATASETS}/:datasetId`, async (request, response) => {
    const { defaultCollation, defaultPartitionExpirationMs } = datasetPatch.parse(request.body);
    const dataset: Dataset = {
      ...catalog.dataset(request.params),
      ...(defaultCollation !== undefined && { defaultCollation }),
      ...(defaultPartitionExpirationMs !== undefined && { defaultPartitionExpirationMs }),
    };
    await catalog.updateDataset(dataset);
    response.json(datasetResource(dataset));
  });
  return router;
}
