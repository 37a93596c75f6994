import { Router } from 'express';
import { BucketInsert, bucketResource } from './bucket-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { serverUrl } from './server-url.ts';

/** `storage.buckets.*` of the JSON API: https://cloud.google.com/storage/docs/json_api/v1/buckets */
export function bucketRoutes(store: ObjectStore): Router {
  const router = Router();

  router.post('/b', (request, response) => {
    const bucket = store.insertBucket(BucketInsert.parse(request.body));
    response.json(bucketResource(bucket, serverUrl(request)));
  });

  router.get('/b/:bucket', (request, response) => {
    response.json(bucketResource(store.bucket(request.params.bucket), serverUrl(request)));
  });

  return router;
}
