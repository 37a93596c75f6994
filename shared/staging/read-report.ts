import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Bucket } from '@google-cloud/storage';
import { download } from './download.ts';
import { readError, splitLines } from './read-lines.ts';

/** A row that differs, with the JSON of its values by column: null where the side does not have the row. */
export type ReportedRow = {
  key: string;
  /** The log rows that tell why it differs. */
  logRows: string[];
  /** The batch that last wrote the row of the target. */
  etlTransactionId: string | null;
  source: Record<string, string> | null;
  target: Record<string, string> | null;
};

/** Reads those rows of a report that have the given keys; the others are never in memory together. Throws `staging_lost` for a report that is gone. */
export async function readReport(
  bucket: Bucket,
  name: string,
  keys: ReadonlySet<string>,
  callTimeoutSeconds: number,
): Promise<ReportedRow[]> {
  const stop = new AbortController();
  const stored = await download(bucket, name, { signal: stop.signal, callTimeoutSeconds }).catch(
    (error: unknown) => {
      throw readError(name, error);
    },
  );
  const unpacked = createGunzip();
  const ended = pipeline(stored, unpacked, { signal: stop.signal }).catch((error: unknown) => error);
  const found: ReportedRow[] = [];
  try {
    for await (const lines of splitLines(unpacked)) {
      for (const line of lines) {
        const row = exactly(line) as Line;
        if (keys.has(row.key)) found.push(reportedRow(row));
      }
      if (found.length === keys.size) break;
    }
  } catch (error) {
    throw readError(name, (await ended) ?? error);
  } finally {
    stop.abort();
  }
  return found;
}

type Line = Pick<ReportedRow, 'key' | 'logRows' | 'etlTransactionId'> & {
  source: Record<string, unknown> | null;
  target: Record<string, unknown> | null;
};

const reportedRow = ({ key, logRows, etlTransactionId, source, target }: Line): ReportedRow => ({
  ...{ key, logRows, etlTransactionId },
  source: asJson(source),
  target: asJson(target),
});

const asJson = (values: Record<string, unknown> | null): Record<string, string> | null =>
  values === null
    ? null
    : Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));

/** Numbers keep all their digits. */
const exactly = (line: string): unknown =>
  JSON.parse(line, (_key, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && source !== undefined ? JSON.rawJSON(source) : value,
  );
