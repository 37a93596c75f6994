import type { Bucket, File } from '@google-cloud/storage';

type Interceptor = File['interceptors'][number];

/**
 * An object to be downloaded, once: when the client tries a download again by itself, after an answer 5xx, its HTTP library pipes
 * that answer into a stream which was destroyed meanwhile, and the error, which nobody can catch, ends the process.
 */
export function downloadOnce(bucket: Bucket, name: string): File {
  const file = bucket.file(name);
  file.interceptors.push({
    request: (options) => Object.assign(options, { maxRetries: 0 }) as ReturnType<Interceptor['request']>,
  });
  return file;
}
