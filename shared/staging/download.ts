import type { Readable } from 'node:stream';
import type { Bucket } from '@google-cloud/storage';
import { withRequestTimeout } from '../google/request-timeout.ts';

export type DownloadLimits = {
  /** Stops the download at once. */
  signal?: AbortSignal;
  /** Cloud Storage must answer within this time; the bytes may take longer. */
  callTimeoutSeconds: number;
};

/**
 * Requests an object once, without retries, and returns its stored bytes as a stream. Throws the errors of Google's client unclassified, and
 * `transient` when no answer arrives in time.
 *
 * It does not use `File.createReadStream`, which pipes every response into a second stream that nobody reads: those pipes add more
 * listeners to a response than Node allows without a warning, and nobody can catch an error of the second stream, which ends the process.
 */
export async function download(
  { name: bucket, storage }: Bucket,
  name: string,
  { signal, callTimeoutSeconds }: DownloadLimits,
): Promise<Readable> {
  const timeUp = new AbortController();
  const request = storage.authClient.request<Readable>({
    // An endpoint that was set by hand may end with a slash.
    url: `${storage.baseUrl.replace(/\/$/, '')}/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`,
    // Without this header, Cloud Storage may decompress the object on the way (transcoding).
    headers: { 'accept-encoding': 'identity' },
    responseType: 'stream',
    retry: false,
    signal: signal === undefined ? timeUp.signal : AbortSignal.any([signal, timeUp.signal]),
  });
  const { data } = await withRequestTimeout(callTimeoutSeconds, request).catch((error: unknown) => {
    timeUp.abort(error);
    throw error;
  });
  return data;
}
