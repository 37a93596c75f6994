import { createReadStream } from 'node:fs';
import { type Request, Router } from 'express';
import * as z from 'zod';
import { download } from './download.ts';
import { listPage } from './list-page.ts';
import { ObjectPatch, ObjectProperties, objectResource, type StoredObject } from './object-resource.ts';
import type { ObjectDraft, ObjectStore } from './object-store.ts';
import { PendingContent } from './pending-content.ts';
import { demand, type Preconditions, preconditionsOf } from './preconditions.ts';
import { queryText } from './query-text.ts';
import { serverUrl } from './server-url.ts';
import { invalid, StorageError } from './storage-error.ts';

const MAX_PAGE = 1000;
const MAX_COMPOSED = 32;

const ComposeRequest = z.object({
  destination: ObjectProperties.optional(),
  sourceObjects: z
    .array(
      z.object({
        name: z.string(),
        generation: z.coerce.string().optional(),
        objectPreconditions: z.object({ ifGenerationMatch: z.coerce.string().optional() }).optional(),
      }),
    )
    .min(1)
    .max(MAX_COMPOSED),
});

/** `storage.objects.*` of the JSON API, uploads and plain downloads by address excepted. */
export function objectRoutes(store: ObjectStore): Router {
  const router = Router();

  router.get('/b/:bucket/o', (request, response) => {
    if (queryText(request, 'matchGlob') !== undefined || request.query.versions === 'true') {
      throw new StorageError(501, 'notImplemented', 'This stand-in lists neither by glob nor old versions.');
    }
    const page = listPage(store.objects(request.params.bucket), {
      prefix: queryText(request, 'prefix'),
      delimiter: queryText(request, 'delimiter'),
      startOffset: queryText(request, 'startOffset'),
      endOffset: queryText(request, 'endOffset'),
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
    demand(preconditionsOf(request), object, true);
    response.json(objectResource(object, serverUrl(request)));
  });

  router.patch('/b/:bucket/o/:name', (request, response) => {
    const { bucket, name } = request.params;
    const object = store.patch(bucket, name, ObjectPatch.parse(request.body), preconditionsOf(request));
    response.json(objectResource(object, serverUrl(request)));
  });

  router.delete('/b/:bucket/o/:name', (request, response) => {
    const { bucket, name } = request.params;
    store.delete(bucket, name, preconditionsOf(request), queryText(request, 'generation'));
    response.status(204).end();
  });

  /** Copies a source object with its properties, or with those of the request body in their place. */
  const copy = async (
    request: Request<{ bucket: string; name: string; toBucket: string; toName: string }>,
  ): Promise<StoredObject> => {
    const { bucket, name, toBucket, toName } = request.params;
    const source = store.get(bucket, name, queryText(request, 'sourceGeneration'));
    demand(preconditionsOf(request, 'ifSource'), source);
    const given = ObjectProperties.parse(request.body ?? {});
    const properties = Object.keys(given).length > 0 ? given : ObjectProperties.parse(source);
    return concatenate(
      store,
      [source],
      { bucket: toBucket, name: toName, properties },
      preconditionsOf(request),
    );
  };

  router.post('/b/:bucket/o/:name/copyTo/b/:toBucket/o/:toName', async (request, response) => {
    response.json(objectResource(await copy(request), serverUrl(request)));
  });

  router.post(
    '/b/:bucket/o/:name/rewriteTo/b/:toBucket/o/:toName',

    async (request, response) => {
      const object = await copy(request);
      response.json({
        kind: 'storage#rewriteResponse',
        totalBytesRewritten: object.size,
        objectSize: object.size,
        done: true,
        resource: objectResource(object, serverUrl(request)),
      });
    },
  );

  router.post('/b/:bucket/o/:name/compose', async (request, response) => {
    const { bucket, name } = request.params;
    const { destination = {}, sourceObjects } = ComposeRequest.parse(request.body);
    const sources = sourceObjects.map((source) => {
      const object = store.get(bucket, source.name, source.generation);
      demand({ generationMatch: source.objectPreconditions?.ifGenerationMatch }, object);
      return object;
    });
    const componentCount = sources.reduce((count, source) => count + (source.componentCount ?? 1), 0);
    const draft = { bucket, name, properties: destination, componentCount };
    const object = await concatenate(store, sources, draft, preconditionsOf(request));
    response.json(objectResource(object, serverUrl(request)));
  });

  return router;
}

/** Makes an object of the bytes of others; nothing is left behind when it fails on the way. */
async function concatenate(
  store: ObjectStore,
  sources: readonly StoredObject[],
  draft: ObjectDraft,
  preconditions: Preconditions,
): Promise<StoredObject> {
  const pending = await PendingContent.create(store.uploadFolder);
  try {
    for (const source of sources) await pending.append(createReadStream(store.contentPath(source)));
    return store.insert(draft, await pending.finish(), preconditions);
  } catch (error) {
    await pending.discard();
    throw error;
  }
}

function pageSize(request: Request): number {
  const text = queryText(request, 'maxResults');
  if (text === undefined) return MAX_PAGE;
  if (!/^[1-9]\d*$/.test(text)) throw invalid(`Invalid value for maxResults: ${text}`);
  return Math.min(Number(text), MAX_PAGE);
}
