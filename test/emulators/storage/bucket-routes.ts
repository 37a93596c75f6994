import { Router } from 'express';
import * as z from 'zod';
import { BucketInsert, bucketResource } from './bucket-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { serverUrl } from './server-url.ts';

/** `storage.buckets.*` of the JSON API. */
export function bucketRoutes(store: ObjectStore): Router {
  const router = Router();

  router.post('/b', (request, response) => {
    const bucket = store.insertBucket(BucketInsert.parse(request.body));
    response.json(bucketResource(bucket, serverUrl(request)));
  });

  router.get('/b', (request, response) => {
    const items = store.buckets().map((bucket) => bucketResource(bucket, serverUrl(request)));
    response.json({ kind: 'storage#buckets', items });
  });

  router.get('/b/:bucket', (request, response) => {
    response.json(bucketResource(store.bucket(request.params.bucket), serverUrl(request)));
  });

  router.patch('/b/:bucket', (request, response) => {
    const bucket = store.patchBucket(request.params.bucket, z.looseObject({}).parse(request.body));
    response.json(bucketResource(bucket, serverUrl(request)));
  });

  router.delete('/b/:bucket', (request, response) => {
    store.deleteBucket(request.params.bucket);
    response.status(204).end();
  });

  return router;
}
