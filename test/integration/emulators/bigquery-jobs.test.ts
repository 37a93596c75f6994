import assert from 'node:assert/strict';
import { failJob, failJobAfterEffect } from '../../emulators/bigquery/job-faults.ts';
import { dropAfterEffect, failAfterEffect, failBefore } from '../../emulators/faults.ts';
import { ended, failure, LOCATION, openProject, type Project, rejection } from './bigquery-project.ts';

describe('BigQuery emulator: jobs', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
    await project.rows('create table d.t (a int64); create table d.numbers (x int64, at timestamp)');
  });
  after(() => project.close());
  afterEach(() => project.faults.clear());

  it('run under the id, the location and the labels that the caller gave', async () => {
    const job = await project.finished('select 1', {
      jobId: 'given_1',
      labels: { step: 'merge' },
      jobTimeoutMs: 60_000,
    });
    const { jobReference, configuration, status, statistics } = job.metadata;
    assert.deepEqual(jobReference, { projectId: 'p1', jobId: 'given_1', location: LOCATION });
    assert.deepEqual(
      [configuration.labels, configuration.jobType, status.state],
      [{ step: 'merge' }, 'QUERY', 'DONE'],
    );
    assert.ok(statistics.creationTime <= statistics.startTime && statistics.startTime <= statistics.endTime);
    assert.equal(statistics.query.statementType, 'SELECT');
  });

  it('report bytes billed and slot milliseconds as texts; a script reports what its child jobs report', async () => {
    const { statistics: select } = (await project.finished('select count(*) from d.t')).metadata;
    assert.deepEqual(
      [select.query.totalBytesBilled, typeof select.totalSlotMs, select.query.totalSlotMs],
      [String(10 * 1_048_576), 'string', select.totalSlotMs],
    );
    assert.match(select.totalSlotMs, /^[1-9]\d*$/);
    const { statistics: ddl } = (await project.finished('create table d.free (a int64)')).metadata;
    assert.equal(ddl.query.totalBytesBilled, '0');

    const script = await project.finished('select count(*) from d.t; select count(*) from d.t, d.numbers');
    const [children] = await project.bigquery.getJobs({ parentJobId: script.id ?? '' });
    const billed = children.map(({ metadata }) => Number(metadata.statistics.query.totalBytesBilled));
    assert.deepEqual(billed.toSorted(), [10 * 1_048_576, 20 * 1_048_576]);
    assert.equal(script.metadata.statistics.query.totalBytesBilled, String(30 * 1_048_576));
  });

  it('fail, and bill nothing, if they would bill more than their limit', async () => {
    const limited = (maximumBytesBilled: string, jobId: string) =>
      project.bigquery.createQueryJob({ query: 'select count(*) from d.t', maximumBytesBilled, jobId });
    const [allowed] = await limited(String(10 * 1_048_576), 'within');
    assert.equal((await allowed.getQueryResults())[0].length, 1);
    const [refused] = await limited('10485759', 'beyond');
    const error = await rejection(refused.getQueryResults());
    assert.deepEqual([error.reason], ['bytesBilledLimitExceeded']);
    const [metadata] = await project.bigquery.job('beyond', { location: LOCATION }).getMetadata();
    assert.equal(metadata.statistics.query.totalBytesBilled, '0');
  });

  it('answer 409 duplicate for an id in use, even of a job that failed', async () => {
    await project.finished('select 1 / 0', { jobId: 'used' });
    const again = await rejection(
      project.bigquery.createQueryJob({ query: 'select 1', jobId: 'used', location: LOCATION }),
    );
    assert.deepEqual([again.code, again.reason], [409, 'duplicate']);
    await project.finished('select 1', { jobId: 'used', location: 'US' });
    assert.equal(
      (await rejection(project.bigquery.createQueryJob({ query: 'select 1', jobId: 'a b' }))).code,
      400,
    );
  });

  it('check a statement without an effect in a dry run, which nobody finds afterwards', async () => {
    const dryRun = (query: string) =>
      project.bigquery.createJob({
        jobReference: { jobId: 'dry' },
        configuration: { dryRun: true, query: { query, useLegacySql: false } },
      });
    for (const query of [
      'create table d.made (a date) partition by a',
      'create or replace view d.made as select a from d.t',
      'create procedure d.made(a int64) begin select a; end',
      'select a from d.t',
    ]) {
      const [job] = await dryRun(query);
      assert.equal(job.metadata.status.state, 'DONE');
    }
    assert.equal((await project.bigquery.dataset('d').table('made').exists())[0], false);
    await project.rows('create table d.made (a int64); drop table d.made');

    for (const [query, message] of [
      ['create table d.made (a json) cluster by a', /cannot be used for clustering/],
      ['create view d.made as select nothing from d.t', /nothing/],
      ['drop table d.t', /not support a dry run of the statement DROP TABLE/],
      ['select 1; select 2', /not support dry runs of scripts/],
    ] as const) {
      const refused = await rejection(dryRun(query));
      assert.ok([400, 501].includes(Number(refused.code)), `${query}: ${refused.code}`);
      assert.match(refused.message, message);
    }
    await project.rows('select * from d.t');
    const [jobs] = await project.bigquery.getJobs();
    assert.deepEqual(
      jobs.filter(({ id }) => id?.includes('dry')),
      [],
    );
  });

  it('are found only in their location', async () => {
    await project.finished('select 1', { jobId: 'somewhere' });
    assert.equal(
      (await rejection(project.bigquery.job('somewhere', { location: 'EU' }).getMetadata())).code,
      404,
    );
    await project.bigquery.job('somewhere', { location: LOCATION }).getMetadata();
  });

  it('do not see a dataset of another location', async () => {
    const job = await project.finished('select * from d.t', { location: 'EU' });
    assert.deepEqual(failure(job), {
      reason: 'notFound',
      message: 'Not found: Dataset p1:d was not found in location EU',
    });
  });

  it('fail with the reason and the words of BigQuery', async () => {
    for (const [query, reason, message] of [
      ['select * from d.none', 'notFound', /^Not found: Table p1:d\.none/],
      [
        'select * from none.t',
        'notFound',
        /^Not found: Dataset p1:none was not found in location asia-southeast1$/,
      ],
      ['select b from d.t', 'invalidQuery', /^Unrecognized name: b/],
      ['select sin_of(1)', 'invalidQuery', /^Function not found: SIN_OF/],
      ['select cast("x" as int64)', 'invalidQuery', /^Bad int64 value: x$/],
      ['select a, a from d.t', 'invalidQuery', /Duplicate column names/],
      ['delete from d.t', 'invalidQuery', /must have a WHERE clause/],
    ] as const) {
      const job = await project.finished(query);
      assert.equal(failure(job)?.reason, reason, query);
      assert.match(failure(job).message, message);
      const results = await rejection(job.getQueryResults());
      assert.equal(results.reason, reason);
    }
  });

  it('are stopped when their time is over', async () => {
    const endless = 'declare i int64 default 0; while i >= 0 do set i = i + 1; end while';
    const late = await project.finished(endless, { jobTimeoutMs: 100 });
    assert.equal(failure(late).reason, 'stopped');
    assert.match(failure(late).message, /timed out after 0.1s/);
    await project.load('numbers', [await project.put('numbers.ndjson', numbers(5000))]);
    const heavy = await project.finished(
      'select count(*) from d.numbers a, d.numbers b, d.numbers c where a.x * b.x * c.x < 0',
      { jobTimeoutMs: 200 },
    );
    assert.equal(failure(heavy).reason, 'stopped');
  });

  it('are refused with what the emulator does not have', async () => {
    const query = 'select 1';
    for (const options of [
      { query, useLegacySql: true },
      { query, createSession: true },
      { query, destination: project.bigquery.dataset('d').table('x') },
    ]) {
      const [job] = await project.bigquery
        .createQueryJob({ location: LOCATION, ...options })
        .catch((error: Error) => [error] as const);
      if (job instanceof Error) assert.match(job.message, /emulator does not support/);
      else {
        await ended(job);
        assert.match(failure(job).message, /emulator does not support/);
      }
    }
  });

  it('say that they still run when the waiting time is over', async () => {
    const held = project.faults.holdNext('bigquery.job.query');
    const [job] = await project.bigquery.createQueryJob({ query: 'select 5 as a', location: LOCATION });
    await held.reached;
    const [metadata] = await job.getMetadata();
    assert.equal(metadata.status.state, 'RUNNING');
    await assert.rejects(job.getQueryResults({ timeoutMs: 1 }), /did not complete before 1ms/);
    const later = job.getQueryResults();
    held.release();
    assert.deepEqual((await later)[0], [{ a: 5 }]);
  });

  it('hand their rows out in pages', async () => {
    await project.load('numbers', [await project.put('numbers.ndjson', numbers(2500))], {
      writeDisposition: 'WRITE_APPEND',
    });
    const [job] = await project.bigquery.createQueryJob({
      query: 'select x, at from d.numbers where x <= 2500 group by x, at order by x',
      location: LOCATION,
    });
    const [page, next, response] = await job.getQueryResults({ maxResults: 1000, autoPaginate: false });
    assert.deepEqual([page.length, (response as { totalRows: string }).totalRows], [1000, '2500']);
    const [second] = await job.getQueryResults({ ...next, autoPaginate: false });
    assert.deepEqual(
      [second.length, second[0].x, second[0].at.value],
      [1000, 1001, '1970-01-01T00:16:41.000Z'],
    );
    const [all] = await job.getQueryResults();
    assert.deepEqual(
      all.map(({ x }) => x),
      Array.from({ length: 2500 }, (_, index) => index + 1),
    );
    const from = async (startIndex: number): Promise<unknown[]> => {
      const [rows] = await job.getQueryResults({ startIndex: String(startIndex) });
      return rows.map(({ x }) => x);
    };
    assert.deepEqual(await from(2498), [2499, 2500]);
    const options = { startIndex: '499', maxResults: 1000, autoPaginate: false };
    const [middle, rest] = await job.getQueryResults(options);
    assert.deepEqual([middle[0].x, middle.length], [500, 1000]);
    const [last] = await job.getQueryResults({ ...rest, autoPaginate: false });
    assert.deepEqual([last[0].x, last.at(-1)?.x], [1500, 2499]);
    assert.deepEqual([await from(2500), await from(2501)], [[], []]);
  });

  it('are listed, newest first, without their children', async () => {
    await project.finished('select 1; select 2', { jobId: 'listed' });
    const [jobs] = await project.bigquery.getJobs({ maxResults: 1, autoPaginate: false });
    assert.equal(jobs[0]?.id, 'listed');
  });

  it('run by the short way of one request, too', async () => {
    const [rows] = await project.bigquery.query({
      query: 'select @a + 1 as b, timestamp "2020-01-01" as at',
      params: { a: 41 },
    });
    assert.deepEqual([rows[0].b, rows[0].at.value], [42, '2020-01-01T00:00:00.000Z']);
    const refused = await rejection(project.bigquery.query({ query: 'select 1 / 0' }));
    assert.deepEqual([refused.code, refused.reason], [400, 'invalidQuery']);
  });

  it('tell how many rows DML changed', async () => {
    const [, , response] = await (
      await project.finished('insert into d.t values (1), (2), (3)')
    ).getQueryResults({ autoPaginate: false });
    assert.equal((response as { numDmlAffectedRows: string }).numDmlAffectedRows, '3');
  });

  describe('under scripted faults', () => {
    it('fail before or after their effect', async () => {
      await project.rows('create or replace table d.f (a int64)');
      const count = async () => (await project.values('select count(*) from d.f'))[0];
      project.faults.next('bigquery.job.query', failJob('backendError'));
      const early = await project.finished('insert into d.f values (1)');
      assert.equal(failure(early).reason, 'backendError');
      assert.equal(await count(), 0);
      project.faults.next('bigquery.job.query', failJobAfterEffect('rateLimitExceeded'));
      const late = await project.finished('insert into d.f values (1)');
      assert.equal(failure(late).reason, 'rateLimitExceeded');
      assert.equal(await count(), 1);
      const uri = await project.put('f.ndjson', [{ a: 2 }]);
      project.faults.next('bigquery.job.load', failJob('quotaExceeded', 'too many'));
      assert.deepEqual(failure(await project.load('f', [uri])), {
        reason: 'quotaExceeded',
        message: 'too many',
      });
      project.faults.next('bigquery.job.load', failJobAfterEffect('backendError'));
      await project.load('f', [uri]);
      assert.equal(await count(), 2);
    });

    it('can run out of time while they are held, and then never have an effect', async () => {
      await project.rows('create or replace table d.g (a int64)');
      const held = project.faults.holdNext('bigquery.job.query');
      const job = await project.finished('insert into d.g values (1)', { jobTimeoutMs: 100 });
      held.release();
      assert.equal(failure(job).reason, 'stopped');
      assert.deepEqual(await project.rows('select * from d.g'), []);
    });

    it('lose the answer of the request that inserted them, and are there all the same', async () => {
      for (const fault of [failAfterEffect(503), dropAfterEffect()]) {
        project.faults.next('bigquery.jobs.insert', fault);
        const jobId = `lost_${Math.random().toString(36).slice(2)}`;
        await assert.rejects(
          project.bigquery.createQueryJob({ query: 'select 1', jobId, location: LOCATION }),
        );
        await ended(project.bigquery.job(jobId, { location: LOCATION }));
      }
      project.faults.next('bigquery.jobs.insert', failBefore(503));
      await assert.rejects(
        project.bigquery.createQueryJob({ query: 'select 1', jobId: 'never', location: LOCATION }),
      );
      assert.equal(
        (await rejection(project.bigquery.job('never', { location: LOCATION }).getMetadata())).code,
        404,
      );
    });

    it('are named as the methods of the API', async () => {
      project.faults.clear();
      await project.rows('select 1');
      await project.bigquery.dataset('d').table('t').getMetadata();
      assert.deepEqual(project.faults.calls, [
        'bigquery.jobs.insert',
        'bigquery.job.query',
        'bigquery.jobs.getQueryResults',
        'bigquery.tables.get',
      ]);
    });
  });
});

/** Rows from 1, each with as many seconds since 1970. */
function numbers(count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    x: index + 1,
    at: new Date((index + 1) * 1000).toISOString(),
  }));
}
