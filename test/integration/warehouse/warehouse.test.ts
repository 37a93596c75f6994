import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { BigQuery } from '@google-cloud/bigquery';
import { type Bucket, Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import type { TableShape } from '../../../shared/model/columns.ts';
import type { LoadedFiles } from '../../../shared/model/staged-format.ts';
import type { Attempt } from '../../../shared/warehouse/attempt.ts';
import { describeChanges, NO_EVOLUTION } from '../../../shared/warehouse/evolution.ts';
import type { Layout } from '../../../shared/warehouse/tables-sql.ts';
import { createWarehouse, type Warehouse } from '../../../shared/warehouse/warehouse.ts';
import { type BigQueryStandIn, startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { failBefore } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';

import { inSeconds } from '../../support/deadline.ts';

const LOCATION = 'EU';
const SHAPE: TableShape = {
  view: 'pmr_project',
  target: 'project',
  loadType: 'merge',
  keyColumn: 'project_id',
  columns: [
    { name: 'project_id', type: 'INT64', mode: 'REQUIRED' },
    // A reserved word, and a name that the procedure uses.
    { name: 'order', type: 'STRING', mode: 'NULLABLE' },
    { name: 'view', type: 'STRING', mode: 'NULLABLE' },
    { name: 'opened', type: 'DATE', mode: 'NULLABLE' },
    { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  ],
};
const LAYOUT: Layout = {
  partition: { column: 'opened', granularity: 'month' },
  clusterColumns: ['order'],
  reportColumn: 'opened',
};

const noWriter = () => Promise.reject(new Error('nothing is streamed here'));

const linesIn = (uris: string[]): LoadedFiles => ({ uris, format: 'ndjson' });

describe('the warehouse', () => {
  let storage: StorageStandIn;
  let standIn: BigQueryStandIn;
  let bigquery: BigQuery;
  let bucket: Bucket;
  let warehouse: Warehouse;
  let projects = 0;

  before(async () => {
    storage = await startStorage();
    standIn = await startBigQuery({ storageEndpoint: storage.url });
    const authClient = new PassThroughClient();
    const client = new Storage({ projectId: 'local', apiEndpoint: storage.url, authClient });
    [bucket] = await client.createBucket('staging');
  });
  after(async () => {
    await standIn.close();
    await storage.close();
  });
  beforeEach(async () => {
    standIn.faults.clear();
    projects += 1;
    const projectId = `project-${projects}`;
    bigquery = new BigQuery({
      projectId,
      location: LOCATION,
      apiEndpoint: new URL(standIn.url).origin,
      authClient: new PassThroughClient(),
    });
    for (const dataset of ['T', 'A', 'V']) await bigquery.createDataset(dataset, { location: LOCATION });
    warehouse = createWarehouse(async () => bigquery, noWriter, {
      projectId,
      temp: 'T',
      target: 'A',
      view: 'V',
    });
  });

  const soon = () => inSeconds(60);
  const make = (runName = 'first') =>
    warehouse.makeObjects({ shape: SHAPE, layout: LAYOUT, evolution: NO_EVOLUTION }, runName, soon());
  const attempt = (etlTransactionId: bigint, given: Partial<Attempt> = {}): Attempt => ({
    view: SHAPE.view,
    target: SHAPE.target,
    etlTransactionId,
    token: 'aaaa',
    attempt: 1,
    ...given,
  });
  /** Stages rows as an object of the batch and returns its address. */
  const stage = async (id: bigint, ...rows: object[]): Promise<string[]> => {
    const lines = rows.map((row) => `${JSON.stringify({ ...row, etl_transaction_id: Number(id) })}\n`);
    const file = bucket.file(`${projects}/${id}/upserts-00000.ndjson.gz`);
    await file.save(gzipSync(lines.join('')));
    return [`gs://staging/${file.name}`];
  };
  const count = async (table: string) => {
    const [rows] = await bigquery.query(`select count(*) as n from ${table}`);
    return Number(rows[0]?.n);
  };

  describe('the objects of a view', () => {
    it('are created once with the configured layout, and may be created again', async () => {
      assert.deepEqual(await warehouse.compareTables(SHAPE), {
        missing: ['ledger', 'temp', 'target'],
        changed: [],
        target: null,
      });
      assert.deepEqual(await make(), { highestBatchId: 0n, targetRows: 0n, isEmpty: true });
      assert.deepEqual(await make('second'), { highestBatchId: 0n, targetRows: 0n, isEmpty: true });

      assert.partialDeepStrictEqual(await warehouse.compareTables(SHAPE), {
        missing: [],
        changed: [],
        target: { partitioning: 'partitioned by month of opened', clustering: ['project_id', 'order'] },
      });
      const [target] = await bigquery.dataset('A').table('project').getMetadata();
      assert.partialDeepStrictEqual(target, {
        timePartitioning: { type: 'MONTH', field: 'opened' },
        clustering: { fields: ['project_id', 'order'] },
        tableConstraints: { primaryKey: { columns: ['project_id'] } },
      });
      const [temp] = await bigquery.dataset('T').table('temp_project').getMetadata();
      assert.deepEqual(temp.clustering, { fields: ['action'] });
    });

    it('include the ledger, to which that of release 0.2.0 is upgraded, with its batches', async () => {
      await bigquery.query(
        `create table T.applied_batch (view string not null, etl_transaction_id int64 not null, added int64, changed int64, deleted int64, applied_at timestamp)`,
      );
      await bigquery.query(
        `insert into T.applied_batch (view, etl_transaction_id, added, changed, deleted) values ('pmr_project', 7, 1, 2, 3)`,
      );

      await make();

      const merged = await warehouse.merge(attempt(7n), 6n, soon());
      assert.deepEqual(merged, {
        state: 'applied',
        counts: { added: 1n, changed: 2n, deleted: 3n, unchanged: 0n },
        targetRows: null,
      });
      assert.deepEqual(await make('second'), { highestBatchId: 7n, targetRows: 0n, isEmpty: true });
    });

    it('are clustered by the key without configured clustering', async () => {
      const layout = { ...LAYOUT, clusterColumns: [] };
      await warehouse.makeObjects({ shape: SHAPE, layout, evolution: NO_EVOLUTION }, 'first', soon());

      const [target] = await bigquery.dataset('A').table('project').getMetadata();
      assert.deepEqual(target.clustering, { fields: ['project_id'] });
    });

    it('have a fingerprint that changes when any of them changes', () => {
      const objects = { shape: SHAPE, layout: LAYOUT, dropped: [] };
      const fingerprint = warehouse.fingerprint(objects);

      assert.equal(warehouse.fingerprint(structuredClone(objects)), fingerprint);
      const layout = { ...LAYOUT, partition: null };
      assert.notEqual(warehouse.fingerprint({ ...objects, layout }), fingerprint);
      const dropped = [{ name: 'old', type: 'BOOL', mode: 'NULLABLE' } as const];
      assert.notEqual(warehouse.fingerprint({ ...objects, dropped }), fingerprint);
      const wider = {
        ...SHAPE,
        columns: [...SHAPE.columns, { name: 'x', type: 'BOOL', mode: 'NULLABLE' } as const],
      };
      assert.notEqual(warehouse.fingerprint({ ...objects, shape: wider }), fingerprint);
    });

    it('I7 return the highest batch id in the target or the ledger, and the number of rows', async () => {
      await make();
      await bigquery.query(
        `insert into A.project (project_id, etl_transaction_id) values (1, 41), (2, null)`,
      );
      assert.deepEqual(await make('second'), { highestBatchId: 41n, targetRows: 2n, isEmpty: false });

      await bigquery.query(`insert into T.applied_batch (view, etl_transaction_id) values ('another', 42)`);
      assert.equal((await make('third')).highestBatchId, 42n);
    });

    it('include a reporting view of the rows that are not deleted and not older than five years', async () => {
      await make();
      const view = { shape: SHAPE, layout: LAYOUT, hidden: [] };
      await warehouse.makeReportingView(view, 'first', soon());
      await warehouse.makeReportingView(view, 'second', soon());
      await bigquery.query(
        `insert into A.project (project_id, is_deleted, opened) values
         (1, false, current_date()), (2, true, current_date()), (3, false, date_sub(current_date(), interval 6 year)),
         (4, false, null)`,
      );

      const [rows] = await bigquery.query('select * from V.view_project order by project_id');

      assert.deepEqual(
        rows.map((row: { project_id: number }) => row.project_id),
        [1, 4],
      );
      assert.equal('etl_transaction_id' in rows[0], false);
    });
  });

  describe('a load', () => {
    it('I5 appends its rows once, however often it is requested', async () => {
      await make();
      const uris = await stage(7n, { project_id: 1, order: 'a', tags: ['x', 'y'], action: 'added' });

      const ids = await Promise.all([1, 2, 3].map(() => warehouse.load(attempt(7n), linesIn(uris), soon())));

      assert.deepEqual(new Set(ids), new Set(['load_A_pmr_project_7_1_1']));
      const [job] = await bigquery.job('load_A_pmr_project_7_1_1', { location: LOCATION }).getMetadata();
      assert.equal(job.configuration.jobTimeoutMs, String(6 * 3_600_000));
      assert.equal(await count('T.temp_project'), 1);
    });

    it('I7 is refused when an earlier control database used the same batch id', async () => {
      await make();
      await warehouse.load(attempt(7n), linesIn(await stage(7n, { project_id: 1, action: 'added' })), soon());

      await assert.rejects(
        warehouse.load(attempt(7n, { token: 'bbbb' }), linesIn(['gs://staging/x']), soon()),
        {
          kind: 'batch_id_collision',
          message: 'job load_A_pmr_project_7_1_1 belongs to another batch',
        },
      );
    });

    it('reports a missing object as lost staging', async () => {
      await make();

      await assert.rejects(warehouse.load(attempt(7n), linesIn(['gs://staging/nothing.ndjson.gz']), soon()), {
        kind: 'staging_lost',
        message: /gs:\/\/staging\/nothing\.ndjson\.gz/,
        context: { view: 'pmr_project', etlTransactionId: 7n, code: 'notFound' },
      });
    });

    it('reports a dataset in another location as a wrong environment', async () => {
      await make();
      const elsewhere = createWarehouse(
        async () => Object.assign(Object.create(bigquery), { location: 'US' }),
        noWriter,
        { projectId: bigquery.projectId, temp: 'T', target: 'A', view: 'V' },
      );

      await assert.rejects(elsewhere.load(attempt(7n), linesIn(['gs://staging/nothing.ndjson.gz']), soon()), {
        kind: 'environment',
        message: 'dataset T is in EU, but BIGQUERY_LOCATION is US',
        advice: /Correct BIGQUERY_LOCATION/,
      });
    });

    it('I6 refuses all rows when one does not fit, and names the column', async () => {
      await make();
      const uris = await stage(
        7n,
        { project_id: 1, action: 'added' },
        { project_id: 2, opened: '2026-02-30', action: 'added' },
      );

      await assert.rejects(warehouse.load(attempt(7n), linesIn(uris), soon()), {
        kind: 'warehouse',
        message: /opened/,
      });

      assert.equal(await count('T.temp_project'), 0);
    });

    it('is left running at the deadline, and not started again', async () => {
      await make();
      const uris = await stage(7n, { project_id: 1, action: 'added' });
      const held = standIn.faults.holdNext('bigquery.job.load');

      assert.equal(await warehouse.load(attempt(7n), linesIn(uris), inSeconds(0.1)), null);
      held.release();
      assert.equal(await warehouse.load(attempt(7n), linesIn(uris), soon()), 'load_A_pmr_project_7_1_1');

      assert.equal(await count('T.temp_project'), 1);
    });
  });

  describe('a merge', () => {
    const loaded = async (id: bigint, ...rows: object[]) => {
      await warehouse.load(attempt(id), linesIn(await stage(id, ...rows)), soon());
      return await warehouse.merge(attempt(id), BigInt(rows.length), soon());
    };

    it('returns its counts, and the same counts from the ledger the second time', async () => {
      await make();
      await loaded(
        1n,
        { project_id: 1, order: 'a', tags: ['x'], action: 'loaded' },
        { project_id: 2, action: 'loaded' },
      );

      const first = await loaded(
        2n,
        { project_id: 1, order: 'b', view: 'v', tags: [], action: 'changed' },
        { project_id: 2, action: 'deleted' },
        { project_id: 3, action: 'added' },
        { project_id: 9, action: 'deleted' },
      );
      const second = await warehouse.merge(attempt(2n, { attempt: 2 }), 4n, soon());

      const counts = { added: 1n, changed: 1n, deleted: 1n, unchanged: 1n };
      for (const outcome of [first, second]) {
        assert.deepEqual(outcome, { state: 'applied', counts, targetRows: null });
      }
      const [rows] = await bigquery.query(
        'select project_id, `order`, view, array_length(tags) as tags, is_deleted from A.project order by 1',
      );
      assert.deepEqual(rows, [
        { project_id: 1, order: 'b', view: 'v', tags: 0, is_deleted: false },
        { project_id: 2, order: null, view: null, tags: 0, is_deleted: true },
        { project_id: 3, order: null, view: null, tags: 0, is_deleted: false },
      ]);
    });

    it('is applied without rows too', async () => {
      await make();

      assert.deepEqual(await warehouse.merge(attempt(1n), 0n, soon()), {
        state: 'applied',
        counts: { added: 0n, changed: 0n, deleted: 0n, unchanged: 0n },
        targetRows: null,
      });
    });

    it('reports missing staged rows', async () => {
      await make();

      const outcome = await warehouse.merge(attempt(1n), 5n, soon());

      assert.ok(outcome.state === 'staging_lost');
      assert.match(outcome.error.message, /the temp table has 0 of 5 staged rows/);
    });

    it('I7 is refused when an earlier control database used the same batch id', async () => {
      await make();
      await warehouse.merge(attempt(1n), 0n, soon());

      const outcome = await warehouse.merge(attempt(1n, { token: 'bbbb' }), 0n, soon());

      assert.equal(outcome.state, 'batch_id_collision');
    });

    it('runs in the configured location, with labels and a time-out', async () => {
      await make();
      await warehouse.merge(attempt(1n), 0n, soon());

      const [job] = await bigquery.job('merge_A_pmr_project_1_1', { location: LOCATION }).getMetadata();

      assert.equal(job.jobReference.location, LOCATION);
      assert.partialDeepStrictEqual(job.configuration, {
        jobTimeoutMs: '3600000',
        labels: { 'managed-by': 'smart-datahub', view: 'pmr_project', step: 'merge', 'etl-transaction': '1' },
      });
    });
  });

  it('returns the location of a dataset, or null when it does not exist', async () => {
    assert.equal(await warehouse.datasetLocation('A'), LOCATION);
    assert.equal(await warehouse.datasetLocation('Nowhere'), null);
  });

  it('distinguishes a missing permission from a missing table', async () => {
    standIn.faults.next('bigquery.tables.get', failBefore(403, 'accessDenied'));

    await assert.rejects(warehouse.compareTables(SHAPE), {
      kind: 'unauthorized',
      message: /^table project-\d+\.T\.applied_batch: /,
    });
  });

  it('names every difference in the columns of both tables', async () => {
    await make();
    await bigquery.query('alter table A.project drop column view');
    await bigquery.query('alter table T.temp_project add column extra string');

    const { changed } = await warehouse.compareTables(SHAPE);

    assert.match(
      describeChanges(changed).join('; '),
      /T\.temp_project: column extra is not in the view; table project-\d+\.A\.project: column view \(STRING\) is missing/,
    );
  });
});
