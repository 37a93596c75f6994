import { Router } from 'express';
import type { Warehouse } from '../statement/statement-context.ts';
import { pageOf } from './list-page.ts';
import { routineResource } from './resource.ts';

const ROUTINES = '/projects/:projectId/datasets/:datasetId/routines';

/** In the emulator only SQL creates routines. */
export function routineRoutes({ catalog }: Warehouse): Router {
  const router = Router();
  router.get(ROUTINES, (request, response) => {
    catalog.dataset(request.params);
    const { items, ...page } = pageOf(catalog.routines(request.params), request);
    response.json({ routines: items.map(routineResource), ...page });
  });
  router.get(`${ROUTINES}/:routineId`, (request, response) => {
    response.json(routineResource(catalog.routine(request.params)));
  });
  router.delete(`${ROUTINES}/:routineId`, async (request, response) => {
    await catalog.deleteRoutine(request.params);
    response.status(204).end();
  });
  return router;
}
