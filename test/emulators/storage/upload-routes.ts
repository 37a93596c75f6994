import { text } from 'node:stream/consumers';
import { type Request, type Response, Router } from 'express';
import { readMultipartRelated } from './multipart-related.ts';
import { ObjectInsert, objectResource, type StoredObject } from './object-resource.ts';
import type { ObjectStore } from './object-store.ts';
import { preconditionsOf } from './preconditions.ts';
import { queryText } from './query-text.ts';
import { ResumableUploads } from './resumable-uploads.ts';
import { serverUrl } from './server-url.ts';
import { unsupported } from './storage-error.ts';
import { checksumsOfHeader, describeUpload, receiveWhole, type Upload } from './upload.ts';

type UploadRequest = Request<{ bucket: string }>;

/** `storage.objects.insert`, multipart and resumable: https://cloud.google.com/storage/docs/json_api/v1/objects/insert */
export function uploadRoutes(store: ObjectStore): Router {
  const router = Router();
  const resumable = new ResumableUploads(store);

  const describe = (request: UploadRequest, metadata: ObjectInsert): Upload =>
    describeUpload(store, {
      bucket: request.params.bucket,
      name: queryText(request, 'name'),
      metadata,
      preconditions: preconditionsOf(request),
    });
  const answer = (request: UploadRequest, response: Response, object: StoredObject) => {
    response.json(objectResource(object, serverUrl(request)));
  };

  const insertMultipart = async (request: UploadRequest, response: Response) => {
    const { metadata, mediaType, media } = await readMultipartRelated(
      request,
      request.get('content-type') ?? '',
    );
    const upload = describe(request, withContentType(ObjectInsert.parse(metadata), mediaType));
    answer(request, response, await receiveWhole(store, upload, media));
  };

  const startResumable = async (request: UploadRequest, response: Response) => {
    const body = await text(request);
    const metadata = ObjectInsert.parse(body === '' ? {} : JSON.parse(body));
    const upload = describe(request, withContentType(metadata, request.get('x-upload-content-type')));
    const id = await resumable.start(upload);
    const session = `uploadType=resumable&name=${encodeURIComponent(upload.name)}&upload_id=${id}`;
    response.set('location', `${serverUrl(request)}/upload/storage/v1/b/${upload.bucket}/o?${session}`).end();
  };

  router.post('/b/:bucket/o', (request, response) => {
    const uploadType = queryText(request, 'uploadType');
    if (uploadType === 'multipart') return insertMultipart(request, response);
    if (uploadType === 'resumable') return startResumable(request, response);
    throw unsupported(`the upload type ${uploadType}`);
  });

  router.put('/b/:bucket/o', async (request, response) => {
    const state = await resumable.receive(
      queryText(request, 'upload_id') ?? '',
      request,
      request.get('content-range'),
      checksumsOfHeader(request.get('x-goog-hash')),
    );
    if (state.object) return answer(request, response, state.object);
    // https://cloud.google.com/storage/docs/performing-resumable-uploads#status-check
    if (state.received > 0) response.set('range', `bytes=0-${state.received - 1}`);
    response.status(308).end();
  });

  return router;
}

/** The content type of the metadata comes first. */
function withContentType(metadata: ObjectInsert, contentType: string | undefined): ObjectInsert {
  return { ...metadata, contentType: metadata.contentType ?? contentType };
}
