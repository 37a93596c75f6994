import type { Faults } from '../faults.ts';
import { BigQueryError, invalid, unsupported } from './error.ts';
import { Job, type JobConfiguration, type JobReference } from './job.ts';
import { generatedJobId, type Jobs } from './jobs.ts';
import { runLoadJob } from './load/load-job.ts';
import { runQueryJob } from './query-job.ts';
import type { ReceivedStatements } from './received-statements.ts';
import type { Warehouse } from './statement/statement-context.ts';

export interface JobServices extends Warehouse {
  readonly jobs: Jobs;
  readonly faults: Faults;
  readonly received: ReceivedStatements;
  readonly storageEndpoint: string;
}

/** The id and the location that a client wants; BigQuery finds what it leaves out. */
export interface WantedJob {
  readonly projectId: string;
  readonly jobId?: string | undefined;
  readonly location?: string | undefined;
}

const DEFAULT_LOCATION = 'US';

/**
 * Accepts a job and runs it; its record says how it ends. Job ids: https://cloud.google.com/bigquery/docs/reference/rest/v2/JobReference
 * @throws BigQueryError duplicate for a job id in use: https://cloud.google.com/bigquery/docs/error-messages
 */
export async function startJob(
  wanted: WantedJob,
  configuration: JobConfiguration,
  services: JobServices,
): Promise<Job> {
  const { query, load } = configuration;
  if ((query === undefined) === (load === undefined)) {
    throw invalid(
      'Required parameter is missing: a job is either a query or a load (others are not supported here)',
    );
  }
  const reference: JobReference = {
    projectId: wanted.projectId,
    jobId: wanted.jobId ?? generatedJobId(),
    location: wanted.location ?? inferLocation(wanted.projectId, configuration, services),
  };
  if (!/^[\w-]{1,1024}$/.test(reference.jobId)) {
    throw invalid(
      `Invalid job ID "${reference.jobId}". Job IDs must be alphanumeric (plus underscores and dashes) and at most 1024 characters long.`,
    );
  }
  if (query) services.received.record(wanted.projectId, query);
  if (configuration.dryRun) return await dryRun(reference, configuration, services);
  await services.jobs.forgetOldest();
  const job = services.jobs.add(reference, configuration);
  await services.jobs.save(job.record);
  void run(job, services);
  return job;
}

/**
 * Checks a statement without an effect. Nobody finds the job afterwards, and a failure is the answer to the call:
 * https://cloud.google.com/bigquery/docs/running-queries#dry-run
 */
async function dryRun(
  reference: JobReference,
  configuration: JobConfiguration,
  services: JobServices,
): Promise<Job> {
  if (!configuration.query) throw unsupported('dry runs of load jobs');
  const record = { reference, configuration, creationTime: Date.now(), state: 'PENDING' } as const;
  const job = new Job(record, services.engine.clock);
  job.start();
  await runQueryJob(job, configuration.query, services);
  job.end(job.endingWith());
  return job;
}

/** Never rejects: every failure is the error of the job. */
async function run(job: Job, services: JobServices): Promise<void> {
  job.start();
  // https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfiguration
  const { jobTimeoutMs } = job.record.configuration;
  const timeOut = () =>
    job.stop(`Job execution was cancelled: Job timed out after ${Number(jobTimeoutMs) / 1000}s`);
  const timer = jobTimeoutMs === undefined ? undefined : setTimeout(timeOut, Number(jobTimeoutMs));
  let failure: BigQueryError | undefined;
  try {
    await work(job, services);
  } catch (error) {
    failure = asBigQueryError(job.stopSignal.aborted ? job.stopSignal.reason : error);
  } finally {
    clearTimeout(timer);
  }
  const ended = job.endingWith(failure);
  // Saved before clients can see it, so that a restart loses nothing that they know. The job must end in any case.
  await services.jobs.save(ended).catch(() => undefined);
  job.end(ended);
}

async function work(job: Job, services: JobServices): Promise<void> {
  const { query, load } = job.record.configuration;
  if (query) await runQueryJob(job, query, services);
  else if (load) await runLoadJob(job, load, services);
}

/** Any other error is a bug of the emulator, and the job reports it as such. */
function asBigQueryError(error: unknown): BigQueryError {
  if (error instanceof BigQueryError) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new BigQueryError('internalError', `The BigQuery emulator failed: ${text}`);
}

/** The location of the datasets in the job: https://cloud.google.com/bigquery/docs/locations#specify_locations */
function inferLocation(
  projectId: string,
  { query, load }: JobConfiguration,
  { catalog }: JobServices,
): string {
  const named = load?.destinationTable?.datasetId ?? query?.defaultDataset?.datasetId;
  const datasets = catalog.datasets(projectId);
  const dataset = datasets.find(({ reference: { datasetId } }) =>
    named === undefined ? new RegExp(`\\b${datasetId}\\b`).test(query?.query ?? '') : datasetId === named,
  );
  return dataset?.location ?? DEFAULT_LOCATION;
}
