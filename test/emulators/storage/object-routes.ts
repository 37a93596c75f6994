import { type Request, Router } from 'express';
import { download } from './download.ts';
import { listPage } from './list-page.ts';
import { objectResource } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { demand, preconditionsOf } from './preconditions.ts';
import { queryText } from './query-text.ts';
import { serverUrl } from './server-url.ts';
import { invalid, unsupported } from './storage-error.ts';

/** https://cloud.google.com/storage/docs/json_api/v1/objects/list */
const MAX_PAGE = 1000;
/** Parameters of a list that would change which objects it has. */
const UNSUPPORTED_FILTERS = ['delimiter', 'endOffset', 'matchGlob', 'startOffset'];

/** `storage.objects.*` of the JSON API except uploads: https://cloud.google.com/storage/docs/json_api/v1/objects */
export function objectRoutes(store: ObjectStore): Router {
  const router = Router();

  router.get('/b/:bucket/o', (request, response) => {
    const filter = UNSUPPORTED_FILTERS.find((name) => queryText(request, name) !== undefined);
    if (filter !== undefined) throw unsupported(`lists by ${filter}`);
    if (request.query.versions === 'true') throw unsupported('old versions of objects');
    const page = listPage(store.objects(request.params.bucket), {
      prefix: queryText(request, 'prefix'),
      pageToken: queryText(request, 'pageToken'),
      maxResults: pageSize(request),
    });
    const items = page.items.map((object) => objectResource(object, serverUrl(request)));
    response.json({ kind: 'storage#objects', ...page, items });
  });

  router.get('/b/:bucket/o/:name', async (request, response) => {
    const { bucket, name } = request.params;
    if (request.query.alt === 'media') return download(store, { bucket, name }, request, response);
    const object = store.get(bucket, name, queryText(request, 'generation'));
    demand(preconditionsOf(request), object);
    response.json(objectResource(object, serverUrl(request)));
  });

  router.delete('/b/:bucket/o/:name', (request, response) => {
    const { bucket, name } = request.params;
    store.delete(bucket, name, preconditionsOf(request), queryText(request, 'generation'));
    response.status(204).end();
  });

  return router;
}

function pageSize(request: Request): number {
  const text = queryText(request, 'maxResults');
  if (text === undefined) return MAX_PAGE;
  if (!/^[1-9]\d*$/.test(text)) throw invalid(`Invalid value for maxResults: ${text}`);
  return Math.min(Number(text), MAX_PAGE);
}
