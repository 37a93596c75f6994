import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BIGQUERY_AGENT } from '../../storage/call-name.ts';
import { BigQueryError, invalid, notFound } from '../error.ts';

/** An object of Cloud Storage in a local file. */
export interface SourceObject {
  readonly uri: string;
  readonly file: string;
  readonly bytes: number;
  readonly compression: 'gzip' | 'uncompressed';
}

const CONCURRENT_DOWNLOADS = 4;

/** Downloads the objects of the URIs, in their order. */
export async function downloadObjects(
  storageEndpoint: string,
  uris: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<SourceObject[]> {
  const names = uris.map(objectName);
  const objects: SourceObject[] = new Array(names.length);
  const queue = names.entries();
  const work = async (): Promise<void> => {
    for (const [index, name] of queue) {
      objects[index] = await download(storageEndpoint, name, path.join(folder, String(index)), signal);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_DOWNLOADS }, work));
  return objects;
}

interface ObjectName {
  readonly bucket: string;
  readonly name: string;
}

/** https://cloud.google.com/bigquery/docs/batch-loading-data#gcs-uri */
function objectName(uri: string): ObjectName {
  const [, bucket, name] = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  if (!bucket || !name) throw invalid(`Source URI must be a Google Cloud Storage location: ${uri}`);
  if (name.includes('*')) throw invalid(`The BigQuery emulator does not support wildcards: ${uri}`);
  return { bucket, name };
}

async function download(
  endpoint: string,
  { bucket, name }: ObjectName,
  file: string,
  signal: AbortSignal,
): Promise<SourceObject> {
  const uri = `gs://${bucket}/${name}`;
  const url = `${endpoint}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}?alt=media`;
  const { body, ok, status } = await fetch(url, { signal, headers: { 'user-agent': BIGQUERY_AGENT } });
  if (status === 404) throw notFound(`Not found: URI ${uri}`);
  if (!ok) throw new BigQueryError('backendError', `Cloud Storage answered ${status} for ${uri}`);
  await pipeline(body ? Readable.fromWeb(body) : Readable.from([]), createWriteStream(file), { signal });
  return { uri, file, bytes: (await stat(file)).size, compression: await compressionOf(file) };
}

/** The content decides, not the name of the file: [not documented]. */
async function compressionOf(file: string): Promise<SourceObject['compression']> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b ? 'gzip' : 'uncompressed';
  } finally {
    await handle.close();
  }
}
