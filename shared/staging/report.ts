import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Bucket } from '@google-cloud/storage';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';

const compress = promisify(gzip);

/** Writes one JSON object per line, as a new object: its writer may not replace one. */
export async function writeReport(
  bucket: Bucket,
  name: string,
  lines: readonly object[],
  callTimeoutSeconds: number,
): Promise<void> {
  const content = await compress(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const saved = bucket.file(name).save(content, {
    resumable: false,
    contentType: 'application/gzip',
    preconditionOpts: { ifGenerationMatch: 0 },
  });
  await withRequestTimeout(callTimeoutSeconds, saved).catch((error: unknown) => {
    // After a lost answer the client repeats the save, and then finds its own object.
    if (codeOf(error) !== 412) throw fromGoogle(error, `report ${name}`);
  });
}
