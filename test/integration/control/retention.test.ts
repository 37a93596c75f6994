import assert from 'node:assert/strict';
import { fillControl } from '../../bench/fill-control.ts';
import { rowsRead } from '../../support/rows-read.ts';
import { useControl } from './control-server.ts';

const VIEW = 'pmr_project';

describe('old rows of the control database', () => {
  const database = useControl({ per: 'test', views: [VIEW, 'pmr_inventory'] });

  /** Inserts batches of a view, oldest first, by state and age in days. */
  const addBatches = async (view: string, batches: [state: string, days: number][]) => {
    for (const [state, days] of batches) {
      await database.rows(
        `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, started_at, applied_at, ended_at)
         select '${view}', 'incremental', 'test', '${state}', gen_random_uuid(), '{}', 'x', now() - interval '1000 days',
           case when '${state}' = 'applied' then at end, case when '${state}' in ('applied', 'abandoned', 'failed') then at end
         from (select now() - interval '${days} days' as at) t`,
      );
    }
  };
  const kept = async (view: string) =>
    (
      await database.rows(
        `select state, coalesce(round(extract(epoch from now() - ended_at) / 86400)::int, 0) as days
         from etl.etl_transaction where view_name = '${view}' order by id`,
      )
    ).map(({ state, days }) => [state, days]);

  it('are deleted when the batch has ended', async () => {
    await addBatches(VIEW, [
      ['applied', 100],
      ['abandoned', 95],
      ['failed', 94],
      ['applied', 80],
      ['staged', 1],
    ]);

    assert.equal(await database.control.retention.deleteOldRows(90), 2);

    assert.deepEqual(await kept(VIEW), [
      ['failed', 94],
      ['applied', 80],
      ['staged', 0],
    ]);
    assert.equal(await database.control.retention.deleteOldRows(90), 0);
  });

  it('I11 stay when the batch is the last of its view, whose load type it locks, or belongs to a checkpoint', async () => {
    await addBatches(VIEW, [
      ['applied', 300],
      ['applied', 200],
      ['abandoned', 150],
    ]);
    await addBatches('pmr_inventory', [['applied', 300]]);
    await database.rows(
      `insert into etl.checkpoint (view_name, floor_id, seen, horizons, etl_transaction_id) values ('${VIEW}', 0, '{}', '[]', 2)`,
    );

    await database.control.retention.deleteOldRows(90);

    assert.deepEqual(await kept(VIEW), [
      ['applied', 200],
      ['abandoned', 150],
    ]);
    assert.deepEqual(await kept('pmr_inventory'), [['applied', 300]]);
  });

  it('stay until a later batch of the view has ended, so that it is known what fed its former target', async () => {
    await addBatches(VIEW, [
      ['applied', 300],
      ['applied', 200],
      ['applying', 0],
    ]);

    await database.control.retention.deleteOldRows(90);

    assert.deepEqual(await kept(VIEW), [
      ['applied', 200],
      ['applying', 0],
    ]);
  });

  it('are deleted in groups, oldest first, when there are very many', async () => {
    await addBatches(VIEW, [['applied', 1]]);
    await database.rows(
      `insert into etl.etl_error (function_name, kind, message, advice, resolved_at)
       select 'x', 'bug', i, '', now() - interval '91 days' from generate_series(1, 10002) i`,
    );

    assert.equal(await database.control.retention.deleteOldRows(90), 10_000);
    assert.deepEqual(
      (await database.rows('select message from etl.etl_error order by id')).map(({ message }) => message),
      ['10001', '10002'],
    );
  });

  it('are deleted with their differences when a check has ended, except the last one of each view', async () => {
    const addCheck = (view: string, days: number | null) =>
      database.rows(
        `with c as (
           insert into etl.consistency_check (view_name, mode, trigger, repairs, state, ended_at)
           values ('${view}', 'full', 'test', false, '${days === null ? 'comparing' : 'done'}', ${days === null ? 'null' : `now() - interval '${days} days'`}) returning id
         ) insert into etl.consistency_difference (check_id, key, kind) select id, '1', 'missing' from c`,
      );
    for (const days of [200, 100, 80]) await addCheck(VIEW, days);
    for (const days of [300, 100, null]) await addCheck('pmr_inventory', days);

    assert.equal(await database.control.retention.deleteOldRows(90), 3);

    const left = await database.rows('select id::int from etl.consistency_check order by id');
    assert.deepEqual(
      left.map(({ id }) => id),
      [3, 5, 6],
    );
    assert.equal((await database.rows('select from etl.consistency_difference')).length, 3);
  });

  it('stay while queued keys refer to the batch', async () => {
    await addBatches(VIEW, [
      ['abandoned', 100],
      ['applied', 1],
    ]);
    await database.rows(
      `insert into etl.queued_key (view_name, key, kind, etl_transaction_id) values ('${VIEW}', '1', 'repair', 1)`,
    );

    assert.equal(await database.control.retention.deleteOldRows(90), 0);
  });

  it('are deleted when a failure was resolved long ago and its dead letter is not due', async () => {
    await database.rows(
      `insert into etl.etl_error (function_name, kind, message, advice, resolved_at, dead_letter_due_at)
       values ('x', 'bug', 'old', '', now() - interval '91 days', null),
              ('x', 'bug', 'due', '', now() - interval '91 days', now()),
              ('x', 'bug', 'young', '', now() - interval '89 days', null),
              ('x', 'bug', 'open', '', null, null)`,
    );

    assert.equal(await database.control.retention.deleteOldRows(90), 1);

    assert.deepEqual(
      (await database.rows('select message from etl.etl_error order by id')).map(({ message }) => message),
      ['due', 'young', 'open'],
    );
  });

  it('are deleted when they say what changed in a view long ago', async () => {
    await database.rows(
      `insert into etl.schema_change (view_name, detected_at, kind, action)
       select '${VIEW}', now() - days * interval '1 day', 'columns', days::text from unnest(array[91, 89, 0]) as days`,
    );

    assert.equal(await database.control.retention.deleteOldRows(90), 1);

    assert.deepEqual(
      (await database.rows('select action from etl.schema_change order by id')).map(({ action }) => action),
      ['89', '0'],
    );
  });

  it('keep the audit for 400 days, and longer if other rows are kept for longer, whatever became of the view', async () => {
    for (const [days, ended] of [
      [401, true],
      [401, false],
      [399, true],
      [0, true],
    ] as const) {
      await database.rows(
        `insert into etl.audit (request_id, via, action, views, request, requested_at, outcome, ended_at)
         values (gen_random_uuid(), 'call', 'pause', '{pmr_forgotten}', '{}', now() - interval '${days} days',
           case when ${ended} then 'paused' end, case when ${ended} then now() end)`,
      );
    }
    assert.equal(await database.control.retention.deleteOldRows(500), 0);
    assert.equal(await database.control.retention.deleteOldRows(90), 2);
    const kept = await database.rows(
      'select round(extract(epoch from now() - requested_at) / 86400)::int as days from etl.audit order by id',
    );
    assert.deepEqual(kept, [{ days: 399 }, { days: 0 }]);
  });
});

describe('the deletion of old rows of a long history', () => {
  const VIEWS = 20;
  const database = useControl();

  before(async () => {
    await fillControl(database.pool, { transactions: 20_000, views: VIEWS });
    // A view that fell asleep keeps its last batch.
    await database.rows(
      `update etl.etl_transaction set applied_at = applied_at - interval '90 days', ended_at = ended_at - interval '90 days'
       where view_name = 'view_007'`,
    );
    await database.rows('vacuum analyze');
  });

  it('reads what it deletes and keeps for its age, whatever else there is', async () => {
    let deleted = 0;
    const delete_ = async () => {
      deleted = await database.control.retention.deleteOldRows(89);
    };

    const first = await rowsRead(database.pool, delete_);
    assert.ok(deleted > 1000, `${deleted} rows were deleted`);
    assert.ok(first < 10 * deleted, `${first} rows were read to delete ${deleted}`);

    while (deleted > 0) await delete_();
    const last = await rowsRead(database.pool, delete_);
    assert.ok(last < 10 * VIEWS, `${last} rows were read to delete nothing`);
  });
});
