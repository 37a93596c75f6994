import { gzipSync } from 'node:zlib';
import { BigQuery, type Job } from '@google-cloud/bigquery';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { type BigQueryOptions, startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { startStorage } from '../../emulators/storage/start-storage.ts';

export const PROJECT = 'p1';
export const LOCATION = 'asia-southeast1';
const BUCKET = 'staging';

type Row = Record<string, unknown>;

/** A project on the emulators, used through Google's own clients only, with one dataset `d`. */
export async function openProject(options: Partial<BigQueryOptions> = {}) {
  const storageStandIn = await startStorage();
  const standIn = await startBigQuery({
    storageEndpoint: storageStandIn.url,
    recordsStatements: false,
    ...options,
  });
  const authClient = new PassThroughClient();
  const bigquery = new BigQuery({
    projectId: PROJECT,
    apiEndpoint: standIn.url,
    authClient,
    location: LOCATION,
    autoRetry: false,
    maxRetries: 0,
  });
  const storage = new Storage({ projectId: PROJECT, apiEndpoint: storageStandIn.url, authClient });
  await storage.createBucket(BUCKET);
  if (options.dataFolder === undefined) await bigquery.createDataset('d', { location: LOCATION });

  /** Runs SQL as a query job and answers its rows. */
  async function rows(query: string, params?: Row | unknown[]): Promise<Row[]> {
    const [job] = await bigquery.createQueryJob({ query, location: LOCATION, ...(params && { params }) });
    return (await job.getQueryResults())[0];
  }

  return {
    bigquery,
    storage,
    standIn,
    faults: standIn.faults,
    rows,
    /** The first row's values, in order. */
    async values(query: string, params?: Row | unknown[]): Promise<unknown[]> {
      return Object.values((await rows(query, params))[0] ?? {});
    },
    /** Runs SQL to its end, whatever that is, and answers the job with its metadata. */
    async finished(query: string, options: object = {}): Promise<Job> {
      const [job] = await bigquery.createQueryJob({ query, location: LOCATION, ...options });
      await ended(job);
      return job;
    },
    /** Writes lines to an object and answers its URI. */
    async put(name: string, lines: readonly (string | object)[], { gzip = false } = {}): Promise<string> {
      const text = lines
        .map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
        .join('');
      await storage
        .bucket(BUCKET)
        .file(name)
        .save(gzip ? gzipSync(text) : text, { resumable: false });
      return `gs://${BUCKET}/${name}`;
    },
    /** Writes bytes to an object and answers its URI. */
    async putBytes(name: string, bytes: Buffer): Promise<string> {
      await storage.bucket(BUCKET).file(name).save(bytes, { resumable: false });
      return `gs://${BUCKET}/${name}`;
    },
    /** Runs a load job to its end, whatever that is. */
    async load(tableId: string, sourceUris: readonly string[], options: object = {}): Promise<Job> {
      const [job] = await bigquery.createJob({
        location: LOCATION,
        configuration: {
          load: {
            destinationTable: { projectId: PROJECT, datasetId: 'd', tableId },
            sourceFormat: 'NEWLINE_DELIMITED_JSON',
            sourceUris: [...sourceUris],
            ...options,
          },
        },
      });
      await ended(job);
      return job;
    },
    async close(): Promise<void> {
      await standIn.close();
      await storageStandIn.close();
    },
  };
}

export type Project = Awaited<ReturnType<typeof openProject>>;

/** Resolves when the job is DONE; its metadata say how it ended. */
export async function ended(job: Job): Promise<void> {
  do await job.getMetadata();
  while (job.metadata.status.state !== 'DONE');
}

/** The reason and the message of a job that failed. */
export function failure(job: Job): { reason: string; message: string } {
  return job.metadata.status.errorResult;
}

/** What a promise was rejected with, with the parts that Google's client gives it. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<{ code: number; message: string; reason: string }> {
  try {
    await promise;
  } catch (error) {
    const { code, message, errors } = error as {
      code: number;
      message: string;
      errors: { reason: string }[];
    };
    return { code, message, reason: errors[0]?.reason ?? '' };
  }
  throw new Error('was not rejected');
}
