import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BIGQUERY_AGENT } from '../../storage/call-name.ts';
import { BigQueryError, invalid, notFound } from '../error.ts';

/** A Cloud Storage object, downloaded to a local file. */
export interface SourceObject {
  readonly uri: string;
  readonly file: string;
  readonly bytes: number;
  readonly compression: 'gzip' | 'uncompressed';
}

const CONCURRENT_DOWNLOADS = 4;

/**
 * Downloads the objects that the URIs name, in order. A `*` at the end of a name matches any suffix.
 * https://cloud.google.com/bigquery/docs/batch-loading-data#load-wildcards
 */
export async function downloadObjects(
  storageEndpoint: string,
  uris: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<SourceObject[]> {
  const names = (await Promise.all(uris.map((uri) => expand(storageEndpoint, uri, signal)))).flat();
  const objects: SourceObject[] = new Array(names.length);
  const queue = names.entries();
  const work = async (): Promise<void> => {
    for (const [index, name] of queue) {
      objects[index] = await download(storageEndpoint, name, path.join(folder, `${index}.ndjson`), signal);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_DOWNLOADS }, work));
  return objects;
}

interface ObjectName {
  readonly bucket: string;
  readonly name: string;
}

async function expand(endpoint: string, uri: string, signal: AbortSignal): Promise<ObjectName[]> {
  const [, bucket, name] = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  if (!bucket || !name) throw invalid(`Source URI must be a Google Cloud Storage location: ${uri}`);
  const star = name.indexOf('*');
  if (star === -1) return [{ bucket, name }];
  if (star !== name.length - 1) {
    throw invalid(`The BigQuery stand-in knows a wildcard only at the end of a name: ${uri}`);
  }
  const names: ObjectName[] = [];
  let pageToken: string | undefined;
  do {
    const query = new URLSearchParams({ prefix: name.slice(0, star), ...(pageToken && { pageToken }) });
    const answer = await get(`${bucketUrl(endpoint, bucket)}/o?${query}`, uri, signal);
    const page = (await answer.json()) as { items?: { name: string }[]; nextPageToken?: string };
    names.push(...(page.items ?? []).map((item) => ({ bucket, name: item.name })));
    pageToken = page.nextPageToken;
  } while (pageToken);
  if (names.length === 0) throw notFound(`Not found: URI ${uri}`);
  return names;
}

async function download(
  endpoint: string,
  { bucket, name }: ObjectName,
  file: string,
  signal: AbortSignal,
): Promise<SourceObject> {
  const uri = `gs://${bucket}/${name}`;
  const { body } = await get(
    `${bucketUrl(endpoint, bucket)}/o/${encodeURIComponent(name)}?alt=media`,
    uri,
    signal,
  );
  await pipeline(body ? Readable.fromWeb(body) : Readable.from([]), createWriteStream(file), { signal });
  return { uri, file, bytes: (await stat(file)).size, compression: await compressionOf(file) };
}

function bucketUrl(endpoint: string, bucket: string): string {
  return `${endpoint}/storage/v1/b/${encodeURIComponent(bucket)}`;
}

async function get(url: string, uri: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal, headers: { 'user-agent': BIGQUERY_AGENT } });
  if (answer.status === 404) throw notFound(`Not found: URI ${uri}`);
  if (!answer.ok) {
    throw new BigQueryError('backendError', `Cloud Storage answered ${answer.status} for ${uri}`);
  }
  return answer;
}

/** Detects gzip by the content, not by the name of the file. */
async function compressionOf(file: string): Promise<SourceObject['compression']> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b ? 'gzip' : 'uncompressed';
  } finally {
    await handle.close();
  }
}
