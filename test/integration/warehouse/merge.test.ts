import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { BigQuery, type Job } from '@google-cloud/bigquery';
import { type Bucket, Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import {
  BIG_QUERY_TYPES,
  type BigQueryType,
  type Column,
  type TableShape,
} from '../../../shared/model/columns.ts';
import type { Attempt } from '../../../shared/warehouse/attempt.ts';
import { type Evolution, NO_EVOLUTION } from '../../../shared/warehouse/evolution.ts';
import type { EndedJob } from '../../../shared/warehouse/job-usage.ts';
import type { MergeOutcome } from '../../../shared/warehouse/merge-outcome.ts';
import { mergeBounds } from '../../../shared/warehouse/merge-sql.ts';
import { EMPTY_VIEW, procedureSql } from '../../../shared/warehouse/procedure-sql.ts';
import type { Layout } from '../../../shared/warehouse/tables-sql.ts';
import { createWarehouse, type Warehouse } from '../../../shared/warehouse/warehouse.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { type BigQueryStandIn, startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { failBefore } from '../../emulators/faults.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';
import { inSeconds } from '../../support/deadline.ts';
import { until } from '../../support/until.ts';

const KEY: Column = { name: 'id', type: 'INT64', mode: 'REQUIRED' };
const NAME: Column = { name: 'name', type: 'STRING', mode: 'NULLABLE' };
/** For each type, values of which no two are equal, as a load job reads them. */
const VALUES: Record<BigQueryType, unknown[]> = {
  INT64: [1, 0, '9007199254740993', '9007199254740992'],
  FLOAT64: [1.5, 0, '-0.0', 'NaN', 'Infinity', '-Infinity'],
  NUMERIC: ['1.5', '0', '99999999999999999999999999999.999999999'],
  BIGNUMERIC: ['1.5', '0', '0.00000000000000000000000000000000000001'],
  BOOL: [true, false],
  STRING: ['a', 'A', '', ' ', 'null', 'a\u0301', 'á'],
  BYTES: ['YQ==', '', 'AA=='],
  DATE: ['2026-01-31', '0001-01-01', '9999-12-31'],
  DATETIME: ['2026-01-31T10:00:00', '2026-01-31T10:00:00.000001'],
  TIMESTAMP: ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00.000001Z'],
  TIME: ['10:00:00', '10:00:00.000001'],
  JSON: [{ a: 1 }, { a: '1' }, 'null', 0, [], {}],
};

describe('the merge procedure', () => {
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
    const apiEndpoint = new URL(standIn.url).origin;
    bigquery = new BigQuery({ projectId, location: 'EU', apiEndpoint, authClient: new PassThroughClient() });
    for (const dataset of ['T', 'A', 'V']) await bigquery.createDataset(dataset, { location: 'EU' });
    warehouse = createWarehouse(
      async () => bigquery,
      () => Promise.reject(new Error('no stream')),
      datasets(),
    );
  });

  const datasets = () => ({ projectId: `project-${projects}`, temp: 'T', target: 'A', view: 'V' });
  const soon = () => inSeconds(60);
  const shapeOf = (...columns: Column[]): TableShape => ({
    view: 'some_view',
    target: 'some',
    loadType: 'merge',
    keyColumn: 'id',
    columns: [KEY, ...columns],
  });
  const make = (
    shape: TableShape,
    partition: Layout['partition'] = null,
    evolution: Partial<Evolution> = {},
    runName = 'first',
  ) =>
    warehouse.makeObjects(
      {
        shape,
        layout: { partition, clusterColumns: [], reportColumn: 'update_at' },
        evolution: { ...NO_EVOLUTION, ...evolution },
      },
      runName,
      soon(),
    );
  const attempt = (etlTransactionId: bigint): Attempt => ({
    view: 'some_view',
    target: 'some',
    etlTransactionId,
    token: 'aaaa',
    attempt: 1,
  });
  /** Loads rows into the temp table, as a batch. */
  const load = async (id: bigint, action: string, rows: object[]) => {
    const lines = rows.map(
      (row) => `${JSON.stringify({ action, ...row, etl_transaction_id: Number(id) })}\n`,
    );
    const file = bucket.file(`${projects}/${id}/upserts-00000.ndjson.gz`);
    await file.save(gzipSync(lines.join('')));
    await warehouse.load(attempt(id), { uris: [`gs://staging/${file.name}`], format: 'ndjson' }, soon());
  };
  const merge = async (id: bigint, action: string, rows: object[]): Promise<MergeOutcome> => {
    await load(id, action, rows);
    return await warehouse.merge(attempt(id), BigInt(rows.length), soon());
  };
  const counts = (added: number, changed: number, deleted: number, unchanged: number) => ({
    state: 'applied',
    counts: {
      added: BigInt(added),
      changed: BigInt(changed),
      deleted: BigInt(deleted),
      unchanged: BigInt(unchanged),
    },
  });
  const query = async (sql: string) => (await bigquery.query(sql))[0] as Record<string, unknown>[];
  const rowsOf = (columns: string) => query(`select ${columns} from A.some order by id`);
  const failed = (outcome: MergeOutcome, message: RegExp) => {
    assert.ok(outcome.state === 'failed', outcome.state);
    assert.match(outcome.error.message, message);
    return outcome.error;
  };

  it('I1 leaves rows as they are in which no column differs, and counts them', async () => {
    await make(shapeOf(NAME));
    await merge(1n, 'loaded', [
      { id: 1, name: 'a' },
      { id: 2, name: null },
      { id: 3, name: 'gone' },
    ]);
    await merge(2n, 'deleted', [{ id: 3 }]);
    const before = await rowsOf('*');

    assert.partialDeepStrictEqual(
      await merge(3n, 'changed', [{ id: 1, name: 'a' }, { id: 2 }]),
      counts(0, 0, 0, 2),
    );
    assert.partialDeepStrictEqual(await merge(4n, 'deleted', [{ id: 3 }, { id: 4 }]), counts(0, 0, 0, 2));
    assert.deepEqual(await rowsOf('*'), before);

    const mixed = [
      { id: 1, name: 'a' },
      { id: 2, name: '' },
      { id: 3, name: 'gone' },
      { id: 4, name: 'new' },
    ];
    assert.partialDeepStrictEqual(await merge(5n, 'changed', mixed), counts(2, 1, 0, 1));
    assert.deepEqual(
      (await rowsOf('id, is_deleted, etl_transaction_id')).map((row) => Object.values(row)),
      [
        [1, false, 1],
        [2, false, 5],
        [3, false, 5],
        [4, false, 5],
      ],
    );
  });

  it('counts the rows of the target, without deleted ones, for a complete batch', async () => {
    await make(shapeOf(NAME));
    const rows = [{ id: 1 }, { id: 2 }, { id: 3 }];

    assert.partialDeepStrictEqual(await merge(1n, 'loaded', rows), { targetRows: 3n });
    assert.partialDeepStrictEqual(await merge(2n, 'deleted', [{ id: 3 }]), { targetRows: null });
    assert.partialDeepStrictEqual(await merge(3n, 'loaded', [{ id: 2 }]), { targetRows: 1n });
    const again = await warehouse.merge({ ...attempt(3n), attempt: 2 }, 1n, soon());
    assert.partialDeepStrictEqual(again, { ...counts(0, 0, 1, 1), targetRows: null });
    assert.partialDeepStrictEqual(await warehouse.merge(attempt(4n), EMPTY_VIEW, soon()), { targetRows: 0n });
  });

  it('takes a missing is_deleted for false', async () => {
    await make(shapeOf(NAME));
    await merge(1n, 'loaded', [{ id: 1, name: 'a' }]);
    await query('update A.some set is_deleted = null where true');

    assert.partialDeepStrictEqual(await merge(2n, 'changed', [{ id: 1, name: 'a' }]), counts(0, 0, 0, 1));
    assert.partialDeepStrictEqual(await merge(3n, 'deleted', [{ id: 1 }]), counts(0, 0, 1, 0));
  });

  describe('whose script does not say what it billed', () => {
    const ended: EndedJob[] = [];
    /** A client to which no script says what it billed. */
    class SilentBigQuery extends BigQuery {
      override job(...named: Parameters<BigQuery['job']>): Job {
        const job = super.job(...named);
        const getMetadata = job.getMetadata.bind(job);
        job.getMetadata = async () => {
          const answer = await getMetadata();
          if (Number(answer[0].statistics.numChildJobs ?? 0) > 0) {
            delete answer[0].statistics.query.totalBytesBilled;
          }
          return answer;
        };
        return job;
      }
    }
    beforeEach(async () => {
      ended.length = 0;
      const silent = new SilentBigQuery({
        projectId: `project-${projects}`,
        location: 'EU',
        apiEndpoint: new URL(standIn.url).origin,
        authClient: new PassThroughClient(),
      });
      warehouse = createWarehouse(
        async () => silent,
        () => Promise.reject(new Error('no stream')),
        datasets(),
        60,
        async (job) => {
          ended.push(job);
        },
      );
      await make(shapeOf(NAME));
      await load(1n, 'loaded', [{ id: 1, name: 'a' }]);
    });

    it('is billed what its statements bill', async () => {
      assert.partialDeepStrictEqual(await warehouse.merge(attempt(1n), 1n, soon()), counts(1, 0, 0, 0));

      const job = ended.at(-1);
      assert.ok(job !== undefined && job.bytesBilled > 0n);
      assert.equal(job.incomplete, null);
    });

    it('is merged all the same when nobody may list the statements', async () => {
      standIn.faults.next('bigquery.jobs.list', failBefore(403));

      assert.partialDeepStrictEqual(await warehouse.merge(attempt(1n), 1n, soon()), counts(1, 0, 0, 0));

      assert.partialDeepStrictEqual(ended.at(-1), { bytesBilled: 0n });
      assert.equal(ended.at(-1)?.incomplete?.kind, 'unauthorized');
    });
  });

  for (const type of BIG_QUERY_TYPES) {
    it(`I1 changes a row when, and only when, its ${type} or its array of them differs`, async () => {
      const columns: Column[] = [
        { name: 'one', type, mode: 'NULLABLE' },
        { name: 'list', type, mode: 'REPEATED' },
      ];
      await make(shapeOf(...columns));
      const values = VALUES[type];
      const forms = [
        {},
        ...values.map((one) => ({ one })),
        ...values.map((one) => ({ list: [one] })),
        { list: [values[0], values[1]] },
        { list: [values[1], values[0]] },
        { list: [values[0], values[0]] },
      ];
      // One row for each pair of forms.
      const pairs = forms.flatMap((from) => forms.map((to) => [from, to] as const));
      await merge(
        1n,
        'loaded',
        pairs.map(([from], id) => ({ id, ...from })),
      );

      const changed = pairs.map(([, to], id) => ({ id, ...to }));
      const equal = forms.length;
      assert.partialDeepStrictEqual(
        await merge(2n, 'changed', changed),
        counts(0, pairs.length - equal, 0, equal),
      );
      assert.partialDeepStrictEqual(await merge(3n, 'changed', changed), counts(0, 0, 0, pairs.length));
    });
  }

  describe('of a complete batch', () => {
    it('I6 deletes the rows that the batch does not contain, also when it changes no other', async () => {
      await make(shapeOf(NAME));
      await merge(
        1n,
        'loaded',
        [1, 2, 3].map((id) => ({ id, name: 'a' })),
      );

      assert.partialDeepStrictEqual(
        await merge(2n, 'loaded', [
          { id: 1, name: 'a' },
          { id: 3, name: 'b' },
          { id: 4, name: 'a' },
        ]),
        counts(1, 1, 1, 1),
      );
      assert.deepEqual(
        (await rowsOf('id, is_deleted, etl_transaction_id')).map((row) => Object.values(row)),
        [
          [1, false, 1],
          [2, true, 2],
          [3, false, 2],
          [4, false, 2],
        ],
      );
      assert.partialDeepStrictEqual(
        await merge(
          3n,
          'loaded',
          [1, 3, 4].map((id) => ({ id, name: id === 3 ? 'b' : 'a' })),
        ),
        counts(0, 0, 0, 3),
      );
    });

    it('I5 I6 deletes every row for an empty view, once, and none without that sign', async () => {
      await make(shapeOf(NAME));
      await merge(1n, 'loaded', [{ id: 1 }, { id: 2 }]);

      assert.partialDeepStrictEqual(await warehouse.merge(attempt(2n), 0n, soon()), counts(0, 0, 0, 0));
      for (const number of [1, 2]) {
        const again = { ...attempt(3n), attempt: number };
        assert.partialDeepStrictEqual(await warehouse.merge(again, EMPTY_VIEW, soon()), counts(0, 0, 2, 0));
      }
      assert.deepEqual(await rowsOf('is_deleted, etl_transaction_id'), [
        { is_deleted: true, etl_transaction_id: 3 },
        { is_deleted: true, etl_transaction_id: 3 },
      ]);
    });
  });

  it('empties the columns that the view does not have any more, in every row that a complete batch carries', async () => {
    const dropped: Column[] = [
      { name: 'old', type: 'STRING', mode: 'NULLABLE' },
      { name: 'old_list', type: 'INT64', mode: 'REPEATED' },
    ];
    await make(shapeOf(NAME, ...dropped));
    await merge(1n, 'loaded', [
      { id: 1, name: 'a', old: 'x' },
      { id: 2, name: 'a', old_list: [7] },
      { id: 3, name: 'a' },
    ]);
    await make(shapeOf(NAME), null, { dropped }, 'second');

    const rows = [1, 2, 3].map((id) => ({ id, name: 'a' }));
    assert.partialDeepStrictEqual(await merge(2n, 'loaded', rows), counts(0, 2, 0, 1));
    const [row] = await query(
      'select countif(old is not null or array_length(old_list) > 0) as n from A.some',
    );
    assert.deepEqual(row, { n: 0 });
  });

  describe('of a partitioned target', () => {
    const partitions: [
      type: BigQueryType,
      granularity: 'hour' | 'day' | 'month' | 'year',
      values: string[],
    ][] = [
      ['DATE', 'day', ['2026-01-01', '2026-01-02', '2026-03-01']],
      ['DATE', 'month', ['2026-01-01', '2026-01-02', '2026-03-01']],
      ['TIMESTAMP', 'hour', ['2026-01-01T00:30:00Z', '2026-01-01T01:30:00Z', '2026-03-01T00:00:00Z']],
      ['TIMESTAMP', 'year', ['2020-01-01T00:30:00Z', '2022-01-01T01:30:00Z', '2026-03-01T00:00:00Z']],
      ['DATETIME', 'day', ['2026-01-01T00:30:00', '2026-01-02T01:30:00', '2026-03-01T00:00:00']],
    ];
    for (const [type, granularity, [first, second, third]] of partitions) {
      it(`I1 finds every row in partitions of a ${granularity} by ${type}, and moves rows between them`, async () => {
        await make(shapeOf(NAME, { name: 'day', type, mode: 'NULLABLE' }), { column: 'day', granularity });
        await merge(1n, 'loaded', [
          { id: 1, day: first },
          { id: 2, day: second },
          { id: 3, day: third },
          { id: 4 },
        ]);

        // An old key widens the bounds of the keys; rows move, also from and to no date.
        assert.partialDeepStrictEqual(
          await merge(2n, 'changed', [
            { id: 1, day: third },
            { id: 3, day: third, name: 'stays' },
            { id: 4, day: second },
            { id: 5, day: first },
          ]),
          counts(1, 3, 0, 0),
        );
        assert.partialDeepStrictEqual(
          await merge(3n, 'changed', [{ id: 2 }, { id: 5, day: first }]),
          counts(0, 1, 0, 1),
        );
        assert.partialDeepStrictEqual(
          await merge(4n, 'changed', [{ id: 2, name: 'undated' }]),
          counts(0, 1, 0, 0),
        );
        assert.partialDeepStrictEqual(await merge(5n, 'deleted', [{ id: 2 }, { id: 1 }]), counts(0, 0, 2, 0));
        const [row] = await query('select count(*) as n, countif(is_deleted) as deleted from A.some');
        assert.deepEqual(row, { n: 5, deleted: 2 });
      });
    }

    it('reads no other partitions than those of the rows that it touches', async () => {
      const shape = shapeOf(NAME, { name: 'day', type: 'DATE', mode: 'NULLABLE' });
      const partition = { column: 'day', granularity: 'month' } as const;
      await make(shape, partition);
      const days = ['2026-01-05', '2026-02-05', '2026-03-05'];
      await merge(1n, 'loaded', [...days.map((day, id) => ({ id, day })), { id: 9 }]);

      const names = { temp: 'T.temp_some', target: 'A.some', key: '`id`' };
      const { condition, declarations, find } = mergeBounds(names, shape, partition);
      const procedure = procedureSql(datasets(), shape, { partition });
      const [, bound = ''] = condition.split('\n');
      assert.equal(procedure.split(bound.trim()).length - 1, 2, 'both the count and the merge are bounded');
      await load(3n, 'changed', [{ id: 0 }, { id: 2 }]);
      const read = await query(`declare batch_id int64 default 3;
        declare v_low, v_high int64;
        ${declarations} set (v_low, v_high) = (0, 9);
        ${find} select id from A.some v_target where ${condition} order by id;`);
      assert.deepEqual(
        read.map(({ id }) => id),
        [0, 2],
      );
    });
  });

  describe('a statement of the procedure that fails', () => {
    // The handler of the procedure raises its error again, and the job has no reason of its own.
    for (const [reason, words, kind] of [
      ['backendError', 'no word tells', 'transient'],
      ['quotaExceeded', 'no word tells', 'transient'],
      ['resourcesExceeded', 'no word tells', 'warehouse'],
      ['resourcesExceeded', 'Too many DML statements outstanding against table, limit is 20', 'transient'],
      ['invalidQuery', 'no word tells', 'warehouse'],
    ] as const) {
      it(`I8 for ${reason}, and says "${words}", ends the merge as ${kind}, and its transaction is rolled back`, async () => {
        await make(shapeOf(NAME));
        await load(1n, 'loaded', [{ id: 1, name: 'one' }]);
        standIn.faults.next('bigquery.job.statement', failJob(reason, words));

        const outcome = await warehouse.merge(attempt(1n), 1n, soon());

        assert.ok(outcome.state === 'failed');
        assert.equal(outcome.error.kind, kind);
        assert.ok(outcome.error.message.includes(words));
        assert.deepEqual(await query('select count(*) as n from A.some'), [{ n: 0 }]);
        assert.partialDeepStrictEqual(
          await merge(2n, 'loaded', [{ id: 1, name: 'one' }]),
          counts(1, 0, 0, 0),
        );
      });
    }
  });

  describe('I7 and the ledger', () => {
    it('refuses a batch when a newer one found nothing to change', async () => {
      await make(shapeOf(NAME));
      await merge(1n, 'loaded', [{ id: 1, name: 'new' }]);
      await load(8n, 'changed', [{ id: 1, name: 'old' }]);
      assert.partialDeepStrictEqual(
        await merge(10n, 'changed', [{ id: 1, name: 'new' }]),
        counts(0, 0, 0, 1),
      );

      failed(await warehouse.merge(attempt(8n), 1n, soon()), /superseded.* batch 8 .* newer batch 10/);
    });

    it('lets no older batch pass while a newer one, which changes nothing, is committed', async () => {
      const shape = shapeOf(NAME);
      await make(shape);
      await merge(1n, 'loaded', [{ id: 1, name: 'new' }]);
      await load(8n, 'changed', [{ id: 1, name: 'old' }]);
      // The same procedure, which waits for a gate after it has read the ledger.
      const waiting = procedureSql(datasets(), shape, { partition: null })
        .replace('merge_some', 'merge_waiting')
        .replace(
          'set (v_staged,',
          `while (select count(*) from T.INFORMATION_SCHEMA.TABLES where table_name = 'gate') = 0 do
            select 'waiting';
          end while;
          set (v_staged,`,
        );
      await query(waiting);
      const [older] = await bigquery.createQueryJob({ query: 'call A.merge_waiting(8, 1)', location: 'EU' });
      await until(async () => (await bigquery.getJobs({ parentJobId: String(older.id) }))[0].length > 0);

      assert.partialDeepStrictEqual(
        await merge(10n, 'changed', [{ id: 1, name: 'new' }]),
        counts(0, 0, 0, 1),
      );
      await warehouse.load(
        { ...attempt(8n), attempt: 2 },
        { uris: [`gs://staging/${projects}/8/upserts-00000.ndjson.gz`], format: 'ndjson' },
        soon(),
      );
      await query('create table T.gate (a int64)');

      await assert.rejects(older.getQueryResults(), /\[smart-datahub:conflict\]/);
      failed(await warehouse.merge(attempt(8n), 1n, soon()), /superseded/);
      assert.deepEqual(await rowsOf('id, name'), [{ id: 1, name: 'new' }]);
    });

    it('is refused when the ledger has lost the batches of a loaded view, except for a complete batch', async () => {
      await make(shapeOf(NAME));
      await merge(1n, 'loaded', [{ id: 1, name: 'a' }]);
      await query('truncate table T.applied_batch');

      const error = failed(
        await merge(2n, 'changed', [{ id: 1, name: 'b' }]),
        /the ledger lists no batch of view some_view/,
      );
      assert.equal(error.kind, 'merge_refused');
      assert.match(error.advice, /resync/);
      assert.partialDeepStrictEqual(await merge(3n, 'loaded', [{ id: 1, name: 'b' }]), counts(0, 1, 0, 0));
      assert.partialDeepStrictEqual(await merge(4n, 'changed', [{ id: 1, name: 'c' }]), counts(0, 1, 0, 0));
    });
  });
});
