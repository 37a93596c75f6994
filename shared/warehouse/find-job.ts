import type { BigQuery, Job } from '@google-cloud/bigquery';
import { DataHubError, type ErrorContext } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { JobSpec } from './job-spec.ts';
import { recordUsage } from './job-usage.ts';

/** Where the client runs its jobs, by which BigQuery finds them; nothing unless it is known. */
export const jobLocation = (bigquery: BigQuery): { location?: string } =>
  bigquery.location === undefined ? {} : { location: bigquery.location };

/** A job that may not exist. Asks BigQuery nothing. */
export const jobById = (bigquery: BigQuery, id: string): Job => bigquery.job(id, jobLocation(bigquery));

/** Whether a job was started before. */
export async function jobExists(bigquery: BigQuery, id: string, context: ErrorContext): Promise<boolean> {
  try {
    await jobById(bigquery, id).getMetadata();
    return true;
  } catch (error) {
    if (codeOf(error) === 404) return false;
    throw fromGoogle(error, `job ${id}`, context);
  }
}

/**
 * The reasons of the statements of a script that failed, handled or not, the last one first. (A caller may list its own jobs without a right for that:
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/list.)
 */
export async function failedStatements(
  bigquery: BigQuery,
  { id, context }: Pick<JobSpec, 'id' | 'context'>,
): Promise<string[]> {
  const [children] = await bigquery.getJobs({ parentJobId: id }).catch((error: unknown) => {
    throw fromGoogle(error, `child jobs of job ${id}`, context);
  });
  return children.flatMap(({ metadata }) => metadata.status?.errorResult?.reason ?? []);
}

/**
 * The first attempt whose job does not exist, where attempts follow one another; records what the others used. Throws `transient` while one
 * of them runs.
 */
export async function firstFreeJob(
  bigquery: BigQuery,
  specOf: (jobAttempt: number) => Pick<JobSpec, 'id' | 'context'>,
): Promise<number> {
  for (let jobAttempt = 1; ; jobAttempt += 1) {
    const spec = specOf(jobAttempt);
    const job = jobById(bigquery, spec.id);
    try {
      await job.getMetadata();
    } catch (error) {
      if (codeOf(error) === 404) return jobAttempt;
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    }
    if ((job.metadata.status as { state: string }).state !== 'DONE') {
      throw new DataHubError('transient', `job ${spec.id} is still running`, { context: spec.context });
    }
    await recordUsage(bigquery, job, spec);
  }
}
