import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQuery, Job, QueryResultsOptions } from '@google-cloud/bigquery';
import type { Deadline } from '../deadline.ts';
import { DataHubError, dispositionOf, type ErrorContext, type ErrorKind } from '../errors.ts';
import { adviceForCause, codeOf, fromGoogle, kindOfJobError } from '../google/google-errors.ts';
import { withoutValues } from '../google/without-values.ts';

/** A job to run. Its id names its effect, so that submitting it twice runs it once (I5). */
export type JobSpec = {
  id: string;
  /** The `configuration` of the REST resource, without labels and job time-out. */
  configuration: Record<string, unknown>;
  labels: Record<string, string>;
  context: ErrorContext;
  /** The error kinds of BigQuery's reasons that mean something special for this job. */
  kinds?: ReadonlyMap<string, ErrorKind>;
};

/** The label that tells whether a job with the expected id belongs to this batch. */
export const TOKEN_LABEL = 'batch-token';

/** Turns a name into a label value, which is lower case and has at most 63 characters. */
export const labelValue = (name: string): string => name.toLowerCase().slice(0, 63);

/** What BigQuery used for a job that has ended, failed or not. */
export type EndedJob = {
  jobId: string;
  view: string;
  etlTransactionId: bigint | null;
  bytesBilled: bigint;
  slotMs: bigint;
  endedAt: Date;
  /** Why `bytesBilled` lacks what the statements of a script billed; null if it does not. */
  incomplete: DataHubError | null;
};

/** Called for every job of a view that was seen to end, each time that it is seen. What it throws ends the caller's work, which is repeated. */
export type RecordUsage = (job: EndedJob) => Promise<void>;

const recorders = new WeakMap<BigQuery, RecordUsage>();

/** Makes all jobs that are run with this client report what they used. Returns the client. */
export function reportingUsage(bigquery: BigQuery, record: RecordUsage): BigQuery {
  recorders.set(bigquery, record);
  return bigquery;
}

type JobState =
  | { state: 'done'; job: Job }
  | { state: 'failed'; error: DataHubError; message: string }
  | { state: 'running' };

/** `existed`: an earlier call or another process had started the job. */
export type JobOutcome = JobState & { existed: boolean };

type JobError = { reason?: string; message?: string; location?: string };

/** The first error of a load may only say that there are more. */
const SHOWN_ERRORS = 4;
/** BigQuery stops a job after this time, whether or not a caller still waits for it. */
const JOB_TIMEOUT_MS = 3_600_000;
const MAX_JOB_ATTEMPTS = 3;
const PAGE_ROWS = 10_000;
const SMALL_PAGE_ROWS = 2_500;
const FIRST_POLL_MS = 50;
const LAST_POLL_MS = 2_000;

/** Joins the parts of a job id, and replaces characters that BigQuery does not allow. */
export function jobId(...parts: (string | number | bigint)[]): string {
  return parts.join('_').replaceAll(/[^\w-]/g, '-');
}

/**
 * Starts the job, or finds it when it was started before, and waits for its end until the deadline. Safe to repeat. Throws the classified
 * errors of its calls; the job's own failure is part of the outcome. Throws `batch_id_collision` when the job with this id belongs to
 * another batch, because a restored or new control database issued the batch id again.
 */
export async function runJob(bigquery: BigQuery, spec: JobSpec, deadline: Deadline): Promise<JobOutcome> {
  const { job, existed } = await submit(bigquery, spec);
  const outcome = await waitForEnd(job, spec, deadline);
  if (outcome.state !== 'running') await recorders.get(bigquery)?.(await usageOf(bigquery, job, spec));
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

/**
 * The first attempt whose job does not exist, where attempts follow one another; records what the others used. Throws `transient` while one
 * of them runs.
 */
export async function firstFreeJob(
  bigquery: BigQuery,
  specOf: (jobAttempt: number) => Omit<JobSpec, 'configuration'>,
): Promise<number> {
  for (let jobAttempt = 1; ; jobAttempt += 1) {
    const spec = { ...specOf(jobAttempt), configuration: {} };
    const job = bigquery.job(spec.id, locationOf(bigquery));
    try {
      await job.getMetadata();
    } catch (error) {
      if (codeOf(error) === 404) return jobAttempt;
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    }
    if ((job.metadata.status as { state: string }).state !== 'DONE') {
      throw new DataHubError('transient', `job ${spec.id} is still running`, { context: spec.context });
    }
    await recorders.get(bigquery)?.(await usageOf(bigquery, job, spec));
  }
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
async function usageOf(bigquery: BigQuery, job: Job, { id, context }: JobSpec): Promise<EndedJob> {
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

/** Whether a job was started before. */
export async function jobExists(bigquery: BigQuery, id: string, context: ErrorContext): Promise<boolean> {
  try {
    await bigquery.job(id, locationOf(bigquery)).getMetadata();
    return true;
  } catch (error) {
    if (codeOf(error) === 404) return false;
    throw fromGoogle(error, `job ${id}`, context);
  }
}

/** Returns the rows of a finished query job, with 64-bit integers as text. */
export async function resultRows(job: Job, context: ErrorContext): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const page of resultPages(job, context)) rows.push(...page);
  return rows;
}

/** Yields the rows of a finished query job in pages, so that memory does not grow with their number. */
export async function* resultPages(
  job: Job,
  context: ErrorContext,
): AsyncGenerator<Record<string, unknown>[]> {
  const options = { wrapIntegers: true, maxResults: PAGE_ROWS };
  for await (const rows of pagesOf(job, context, options)) {
    yield (rows as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, unwrap(cell)])),
    );
  }
}

/**
 * Yields the rows of a finished query job, from the row with this number on, as the texts of their cells. Nothing else is made of a page, and a page is so small
 * that V8 frees it early: see docs/configuration.md, "Memory".
 */
export async function* resultTexts(
  job: Job,
  context: ErrorContext,
  startRow: number,
): AsyncGenerator<readonly { v: string | null }[]> {
  const options = { skipParsing: true, maxResults: SMALL_PAGE_ROWS, startIndex: String(startRow) };
  for await (const rows of pagesOf(job, context, options)) {
    for (const { f } of rows as { f: { v: string | null }[] }[]) yield f;
  }
}

async function* pagesOf(
  job: Job,
  context: ErrorContext,
  options: QueryResultsOptions,
): AsyncGenerator<unknown[]> {
  let page: QueryResultsOptions = { ...options, autoPaginate: false };
  for (;;) {
    const [rows, next] = await job.getQueryResults(page).catch((error: unknown) => {
      throw fromGoogle(error, `results of job ${job.id}`, context);
    });
    yield rows as unknown[];
    if (next?.pageToken === undefined) return;
    const { startIndex: _, ...others } = page;
    page = { ...others, pageToken: next.pageToken };
  }
}

/** The client wraps integers, dates and times in objects that hold their text. */
const unwrap = (cell: unknown): unknown =>
  typeof cell === 'object' && cell !== null && 'value' in cell ? cell.value : cell;

async function submit(bigquery: BigQuery, spec: JobSpec): Promise<{ job: Job; existed: boolean }> {
  const labels = labelsFrom(spec.labels);
  let existed = false;
  try {
    const [job] = await bigquery.createJob({
      jobId: spec.id,
      ...locationOf(bigquery),
      configuration: { ...spec.configuration, labels, jobTimeoutMs: String(JOB_TIMEOUT_MS) },
    });
    return { job, existed: false };
  } catch (error) {
    // 409: a job with this id exists. The client also throws, without a code, for a job that was created and has already failed.
    if (codeOf(error) !== 409 && !hasJobErrors(error))
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    existed = codeOf(error) === 409;
  }
  const job = bigquery.job(spec.id, locationOf(bigquery));
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
      const { reason, message = 'no message' } = status.errorResult;
      const kind = spec.kinds?.get(reason ?? '') ?? kindOfJobError(reason);
      const others = (status.errors ?? []).filter((other) => other.message !== message);
      const shown = [withoutValues(message), ...others.map(describe)].slice(0, SHOWN_ERRORS);
      const error = new DataHubError(kind, `job ${spec.id}: ${shown.join('; ')}`, {
        ...adviceForCause(reason),
        context: { ...spec.context, ...(reason === undefined ? {} : { code: reason }) },
      });
      return { state: 'failed', error, message };
    }
    if (deadline.remainingMs() < waitMs) return { state: 'running' };
    await sleep(waitMs);
  }
}

/** For a load, the location of an error is the file. */
function describe({ message = 'no message', location = '' }: JobError): string {
  const shown = withoutValues(message);
  return location.startsWith('gs://') && !shown.includes(location) ? `${shown} File: ${location}` : shown;
}

const locationOf = (bigquery: BigQuery) =>
  bigquery.location === undefined ? {} : { location: bigquery.location };

/** A label value may have at most 63 lower-case letters, digits, dashes and underscores. */
function labelsFrom(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ 'managed-by': 'smart-datahub', ...values }).map(([name, value]) => [
      name,
      value
        .toLowerCase()
        .replaceAll(/[^a-z0-9_-]/g, '-')
        .slice(0, 63),
    ]),
  );
}
