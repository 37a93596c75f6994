import type { BigQuery, Job } from '@google-cloud/bigquery';
import type { DataHubError } from '../errors.ts';
import { fromGoogle } from '../google/google-errors.ts';
import type { JobUsage } from '../model/job-usage.ts';
import type { JobSpec } from './job-spec.ts';

/** What a job used. `incomplete` says why `bytesBilled` lacks what the statements of a script billed; null if it does not. */
export type EndedJob = JobUsage & { incomplete: DataHubError | null };

/** Called for every job of a view that was seen to end, each time that it is seen. What it throws ends the caller's work, which is repeated. */
export type RecordUsage = (job: EndedJob) => Promise<void>;

const recorders = new WeakMap<BigQuery, RecordUsage>();

/** Makes all jobs that are run with this client report what they used. Returns the client. */
export function reportingUsage(bigquery: BigQuery, record: RecordUsage): BigQuery {
  recorders.set(bigquery, record);
  return bigquery;
}

/** Reports what a job used that has ended, if its client is one that reports. */
export async function recordUsage(
  bigquery: BigQuery,
  job: Job,
  spec: Pick<JobSpec, 'id' | 'context'>,
): Promise<void> {
  await recorders.get(bigquery)?.(await usageOf(bigquery, job, spec));
}

type Statistics = {
  endTime?: string;
  totalSlotMs?: string;
  numChildJobs?: string;
  query?: { totalBytesBilled?: string };
};

/**
 * What a job used that has ended. A script bills what its child jobs bill, and says so itself
 * (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics2); the children are asked only when it does not. That takes a
 * right which the job itself does not need, so it fails nothing: see `incomplete`.
 */
async function usageOf(
  bigquery: BigQuery,
  job: Job,
  { id, context }: Pick<JobSpec, 'id' | 'context'>,
): Promise<EndedJob> {
  const own = job.metadata.statistics as Statistics;
  const isSilentScript = own.query?.totalBytesBilled === undefined && Number(own.numChildJobs ?? 0) > 0;
  let children: Statistics[] = [];
  let incomplete: DataHubError | null = null;
  if (isSilentScript) {
    try {
      const [jobs] = await bigquery.getJobs({ parentJobId: id });
      children = jobs.map(({ metadata }) => metadata.statistics as Statistics);
    } catch (error) {
      incomplete = fromGoogle(error, `child jobs of job ${id}`, context);
    }
  }
  return {
    jobId: id,
    view: context.view ?? '',
    etlTransactionId: context.etlTransactionId ?? null,
    bytesBilled: [own, ...children].reduce(
      (sum, { query }) => sum + BigInt(query?.totalBytesBilled ?? 0),
      0n,
    ),
    slotMs: BigInt(own.totalSlotMs ?? 0),
    endedAt: new Date(Number(own.endTime)),
    incomplete,
  };
}
