import { randomUUID } from 'node:crypto';
import type { Engine } from './engine.ts';
import { BigQueryError, duplicate, notFound } from './error.ts';
import { literal } from './field.ts';
import { Job, type JobConfiguration, type JobRecord, type JobReference } from './job.ts';
import type { Results } from './results.ts';

/** The emulator keeps this many jobs, and forgets the oldest ended ones with their results. */
const REMEMBERED_JOBS = 20_000;

/** A request finds a job in these locations without naming one: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/get */
const UNNAMED_LOCATIONS = ['US', 'EU'];

/** All jobs, running and ended. With a data folder they survive a restart, which fails those that were running. */
export class Jobs {
  readonly #engine: Engine;
  readonly #results: Results;
  readonly #jobs = new Map<string, Job>();

  private constructor(engine: Engine, results: Results) {
    this.#engine = engine;
    this.#results = results;
  }

  static async open(engine: Engine, results: Results): Promise<Jobs> {
    const jobs = new Jobs(engine, results);
    const records = await engine.with(async (session) => {
      await session.run(
        'create table if not exists catalog.job(key varchar not null, created bigint not null, content varchar not null)',
      );
      const { rows } = await session.query('select content from catalog.job order by created');
      return rows.map(([content]): JobRecord => JSON.parse(String(content)));
    });
    for (const record of records) {
      const job = new Job(record, engine.clock);
      jobs.#jobs.set(keyOf(record.reference), job);
      if (!job.done) {
        const message = 'The job was interrupted by a restart. It may have had its effect.';
        job.end(job.endingWith(new BigQueryError('backendError', message)));
        await jobs.save(job.record);
      }
    }
    return jobs;
  }

  /**
   * Adds a job that has not started, without saving it. An id stays in use after its job has ended, also if it failed.
   * @throws BigQueryError duplicate for an id in use: https://cloud.google.com/bigquery/docs/error-messages
   */
  add(reference: JobReference, configuration: JobConfiguration, parentJobId?: string): Job {
    const key = keyOf(reference);
    if (this.#jobs.has(key)) throw duplicate(`Already Exists: Job ${key}`);
    const job = new Job(
      {
        reference,
        configuration,
        creationTime: Date.now(),
        state: 'PENDING',
        ...(parentJobId !== undefined && { parentJobId }),
      },
      this.#engine.clock,
    );
    this.#jobs.set(key, job);
    return job;
  }

  /** @throws BigQueryError notFound also for a job in another location: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/get */
  find(projectId: string, jobId: string, location?: string): Job {
    const places = location === undefined ? UNNAMED_LOCATIONS : [location];
    for (const place of places) {
      const job = this.#jobs.get(keyOf({ projectId, jobId, location: place }));
      if (job) return job;
    }
    throw notFound(`Not found: Job ${projectId}:${location === undefined ? '' : `${location}.`}${jobId}`);
  }

  /** The children of `parentJobId`, or the jobs without a parent, newest first. */
  list(projectId: string, parentJobId?: string): Job[] {
    return [...this.#jobs.values()]
      .filter(({ record }) => record.reference.projectId === projectId && record.parentJobId === parentJobId)
      .reverse();
  }

  /** Saves all of these records or none. */
  async save(...records: readonly JobRecord[]): Promise<void> {
    await this.#engine.with((session) =>
      session.transaction(async () => {
        for (const record of records) {
          const key = literal(keyOf(record.reference));
          await session.run(`delete from catalog.job where key = ${key}`);
          await session.run(
            `insert into catalog.job values (${key}, ${record.creationTime}, ${literal(JSON.stringify(record))})`,
          );
        }
      }),
    );
  }

  /** Drops the oldest ended jobs beyond the limit. */
  async forgetOldest(): Promise<void> {
    for (const [key, job] of this.#jobs) {
      if (this.#jobs.size <= REMEMBERED_JOBS || !job.done) return;
      this.#jobs.delete(key);
      if (job.record.result) await this.#results.delete(job.record.result);
      await this.#engine.with((session) =>
        session.run(`delete from catalog.job where key = ${literal(key)}`),
      );
    }
  }

  /** Stops all running jobs; resolves when they have ended. */
  async stopAll(): Promise<void> {
    const running = [...this.#jobs.values()].filter((job) => !job.done);
    for (const job of running) job.stop('The server is shutting down');
    await Promise.all(running.map((job) => job.ended));
  }
}

/** An id for a job without one. */
export function generatedJobId(prefix = 'job'): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`;
}

function keyOf({ projectId, location, jobId }: JobReference): string {
  return `${projectId}:${location.toLowerCase()}.${jobId}`;
}
