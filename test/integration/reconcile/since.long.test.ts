import assert from 'node:assert/strict';
import { BigQuery, type JobOptions } from '@google-cloud/bigquery';
import { dispatch } from '../../../functions/reconcile/reconcile.ts';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import { differencesOf } from './differences-of.ts';

const COLUMNS = { planned: 'date', size: 'float8', updated_at: 'timestamptz' };
const PARTITIONED = { partition_column: 'planned', partition_granularity: 'month' } as const;

describe('a check of the rows that changed within some days', () => {
  const stack = useStack();
  let thing: ThingView;

  /** Row 1 changed long ago; the others changed today and are planned for different months, or for none. */
  async function install(loadType: 'merge' | 'bq-storage-api', entry = {}): Promise<void> {
    thing = await ThingView.install(stack, { loadType, columns: COLUMNS, entry });
    await thing.on.source.database.query(`
      insert into app_thing (id, planned, size, updated_at) values
        (1, '2026-01-05', 1, now() - interval '30 days'), (2, '2026-01-31', 2, now()), (3, '2026-02-01', 3, now()),
        (4, '2026-02-28', 4, now()), (5, null, 5, now()), (6, '2026-05-01', 6, now() - interval '30 days')`);
    await thing.logAll();
    await thing.replicate();
  }

  const change = (sql: string) => thing.on.source.database.query(sql);

  /** The statement by which the first look has read the rows of the target. */
  const statement = async () => {
    const [jobs] = await thing.on.bigquery.getJobs({ allUsers: true });
    const [job, ...more] = jobs.filter(({ id }) => /^check_.*-recent-\d+_\d+$/.test(id ?? ''));
    assert.deepEqual(more, []);
    return String(job?.metadata.configuration.query.query);
  };

  const BOUNDS =
    "(date_trunc(v_target.`planned`, month) in (date '2026-01-01', date '2026-02-01') or v_target.`planned` is null)";

  it('reads their partitions of a merged target, and no others', async () => {
    await install('merge', PARTITIONED);
    assert.equal((await thing.on.check({ since: 7 }, VIEW)).outcome, 'consistent');
    assert.ok((await statement()).includes(BOUNDS), await statement());
    const { rows } = await thing.on.control.query(
      'select source_rows::int4, target_rows::int4 from etl.consistency_check',
    );
    assert.deepEqual(rows, [{ source_rows: 4, target_rows: 4 }]);
  });

  it('finds which of them differ, and no others', async () => {
    await install('merge', PARTITIONED);
    await change(`
      update app_thing set size = 0.5 where id in (1, 2, 5);
      delete from app_thing where id = 6;
      insert into app_thing (id, planned, size, updated_at) values (7, '2026-03-01', 7, now())`);
    const result = await thing.on.reconcile({ since: 7 }, VIEW);
    assert.deepEqual(await differencesOf(thing.on, result), [
      { key: '2', kind: 'different', columns: ['size'] },
      { key: '5', kind: 'different', columns: ['size'] },
      { key: '7', kind: 'missing', columns: [] },
    ]);
  });

  it('finds by its second look the copy that lies in another partition', async () => {
    await install('merge', PARTITIONED);
    await change(`update app_thing set planned = '2026-07-01' where id = 2`);
    const waiting = await thing.on.check({ since: 7 }, VIEW);
    assert.ok(waiting.outcome === 'waiting');
    assert.deepEqual(await differencesOf(thing.on, waiting), [{ key: '2', kind: 'missing', columns: [] }]);
    await thing.on.catchUp(VIEW);
    const result = await thing.on.continueCheck(waiting);
    assert.deepEqual(await differencesOf(thing.on, result), [
      { key: '2', kind: 'different', columns: ['planned'] },
    ]);
  });

  it('counts no row of them that a log row names which no batch has covered', async () => {
    await install('merge', PARTITIONED);
    await change(`update app_thing set size = 0.5, updated_at = now() where id in (1, 2)`);
    await thing.log('1');
    await thing.log('2');
    assert.equal((await thing.on.check({ since: 7 }, VIEW)).outcome, 'consistent');
  });

  it('reads a streamed target, and one without partitions, as a whole', async () => {
    for (const [loadType, entry] of [
      ['bq-storage-api', PARTITIONED],
      ['merge', {}],
    ] as const) {
      await install(loadType, entry);
      await change('update app_thing set size = 0.5 where id in (1, 2)');
      const result = await thing.on.reconcile({ since: 7 }, VIEW);
      assert.deepEqual(await differencesOf(thing.on, result), [
        { key: '2', kind: 'different', columns: ['size'] },
      ]);
      assert.ok(!(await statement()).includes('date_trunc'));
    }
  });

  describe('before it begins', () => {
    const { createJob } = BigQuery.prototype;
    let queries: string[];

    beforeEach(() => {
      queries = [];
      BigQuery.prototype.createJob = new Proxy(createJob, {
        apply(target, self, given: [JobOptions]) {
          const [{ configuration }] = given;
          if (configuration?.dryRun) queries.push(String(configuration.query?.query));
          return Reflect.apply(target, self, given);
        },
      });
    });
    afterEach(() => {
      BigQuery.prototype.createJob = createJob;
    });

    const dryRun = async () => {
      const payload = { view: VIEW, since: 7, dryRun: true };
      const call = { functionName: 'reconcile', event: payload, isByHand: true };
      return await dispatch(payload, call, thing.on.dependencies);
    };

    it('says the bytes of the partitions that it will read', async () => {
      await install('merge', PARTITIONED);
      assert.partialDeepStrictEqual(await dryRun(), {
        outcome: 'dry run',
        sourceRows: '4',
        would: 'read the partitions of these rows, and the target once more, as a whole, if rows differ',
      });
      assert.ok(queries.length === 1 && queries[0]?.includes(BOUNDS), queries.join());
    });

    it('says that it will read a streamed target as a whole', async () => {
      await install('bq-storage-api', PARTITIONED);
      assert.partialDeepStrictEqual(await dryRun(), {
        would:
          'read the target as a whole, since it is streamed, and the target once more, as a whole, if rows differ',
      });
    });
  });
});
