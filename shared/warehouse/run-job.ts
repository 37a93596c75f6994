import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQuery, Job } from '@google-cloud/bigquery';
import type { Deadline } from '../deadline.ts';
import { DataHubError, dispositionOf } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { jobById, jobLocation } from './find-job.ts';
import { type JobError, jobFailure } from './job-error.ts';
import { type JobSpec, jobLabels, TOKEN_LABEL } from './job-spec.ts';
import { recordUsage } from './job-usage.ts';

type JobState =
  | { state: 'done'; job: Job }
  | { state: 'failed'; error: DataHubError; message: string }
  | { state: 'running' };

/** `existed`: an earlier call or another process had started the job. */
export type JobOutcome = JobState & { existed: boolean };

/** BigQuery stops a job after this time, whether or not a caller still waits for it: a query after an hour, */
const QUERY_TIMEOUT_MS = 3_600_000;
/** and a load when it would stop it in any case (https://cloud.google.com/bigquery/quotas#load_jobs). It may wait for slots for long, and costs nothing. */
const LOAD_TIMEOUT_MS = 6 * QUERY_TIMEOUT_MS;
const MAX_JOB_ATTEMPTS = 3;
const FIRST_POLL_MS = 50;
const LAST_POLL_MS = 2_000;

/**
 * Starts the job, or finds it when it was started before, and waits for its end until the deadline. Safe to repeat. Throws the classified
 * errors of its calls; the job's own failure is part of the outcome. Throws `batch_id_collision` when the job with this id belongs to
 * another batch, because a restored or new control database issued the batch id again.
 */
export async function runJob(bigquery: BigQuery, spec: JobSpec, deadline: Deadline): Promise<JobOutcome> {
  const { job, existed } = await submit(bigquery, spec);
  const outcome = await waitForEnd(job, spec, deadline);
  if (outcome.state !== 'running') await recordUsage(bigquery, job, spec);
  return { ...outcome, existed };
}

/**
 * Runs a job until it ends or the deadline comes. After a retryable failure it starts another attempt under a job id of its own, and only
 * once the attempt before is known to have failed, so that two attempts never both succeed. Each call starts at most three attempts;
 * failed attempts of earlier calls do not count. A missing permission ends the call, and the next call tries again. Throws the failure of
 * the last attempt.
 */
export async function runJobWithRetries(
  bigquery: BigQuery,
  deadline: Deadline,
  specOf: (jobAttempt: number) => JobSpec,
): Promise<{ state: 'done'; id: string; job: Job } | { state: 'running' }> {
  let started = 0;
  for (let jobAttempt = 1; ; jobAttempt += 1) {
    const spec = specOf(jobAttempt);
    const outcome = await runJob(bigquery, spec, deadline);
    if (!outcome.existed) started += 1;
    if (outcome.state === 'done') return { state: 'done', id: spec.id, job: outcome.job };
    if (outcome.state === 'running') return { state: 'running' };
    const { error, existed } = outcome;
    if (dispositionOf(error) !== 'retry') throw error;
    if (!existed && (error.kind !== 'transient' || started === MAX_JOB_ATTEMPTS)) throw error;
  }
}

/** Like `runJobWithRetries`, but throws `transient` for a job that outlives the deadline. */
export async function runJobToCompletion(
  bigquery: BigQuery,
  deadline: Deadline,
  specOf: (jobAttempt: number) => JobSpec,
): Promise<Job> {
  const outcome = await runJobWithRetries(bigquery, deadline, specOf);
  if (outcome.state === 'done') return outcome.job;
  const { id, context } = specOf(1);
  throw new DataHubError('transient', `job ${id} is still running`, { context });
}

async function submit(bigquery: BigQuery, spec: JobSpec): Promise<{ job: Job; existed: boolean }> {
  const labels = jobLabels(spec.labels);
  let existed = false;
  const timeoutMs = 'load' in spec.configuration ? LOAD_TIMEOUT_MS : QUERY_TIMEOUT_MS;
  try {
    const [job] = await bigquery.createJob({
      jobId: spec.id,
      ...jobLocation(bigquery),
      configuration: { ...spec.configuration, labels, jobTimeoutMs: String(timeoutMs) },
    });
    return { job, existed: false };
  } catch (error) {
    // 409: a job with this id exists. The client also throws, without a code, for a job that was created and has already failed.
    if (codeOf(error) !== 409 && !hasJobErrors(error))
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    existed = codeOf(error) === 409;
  }
  const job = jobById(bigquery, spec.id);
  const [metadata] = await job.getMetadata().catch((error: unknown) => {
    throw fromGoogle(error, `job ${spec.id}`, spec.context);
  });
  if (metadata.configuration?.labels?.[TOKEN_LABEL] === labels[TOKEN_LABEL]) return { job, existed };
  throw new DataHubError('batch_id_collision', `job ${spec.id} belongs to another batch`, {
    context: spec.context,
  });
}

function hasJobErrors(error: unknown): boolean {
  return (
    codeOf(error) === undefined && error instanceof Error && 'errors' in error && Array.isArray(error.errors)
  );
}

async function waitForEnd(
  job: Job,
  spec: Pick<JobSpec, 'id' | 'context' | 'kinds'>,
  deadline: Deadline,
): Promise<JobState> {
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(waitMs * 1.5, LAST_POLL_MS)) {
    const [metadata] = await job.getMetadata().catch((error: unknown) => {
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    });
    const status = metadata.status as { state: string; errorResult?: JobError; errors?: JobError[] };
    if (status.state === 'DONE') {
      if (status.errorResult === undefined) return { state: 'done', job };
      return { state: 'failed', ...jobFailure(status.errorResult, status.errors ?? [], spec) };
    }
    if (deadline.remainingMs() < waitMs) return { state: 'running' };
    await sleep(waitMs);
  }
}
