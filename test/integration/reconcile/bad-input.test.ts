import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/reconcile/reconcile.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = PROJECT_ENTRY.name;

describe('a check that cannot be made', () => {
  const { on, stack } = useInstallation();

  const call = (payload: object) =>
    dispatch(payload, { functionName: 'reconcile', event: payload, isByHand: true }, on.dependencies);

  const load = async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
  };

  /** What a check could have changed. */
  const world = async () => ({
    batches: await on.batches(),
    checkpoint: await on.checkpointOf(),
    queued: (await on.control.query('select * from etl.queued_key')).rows,
    halted: await on.haltedReason(),
  });

  async function assertRefused(
    payload: object,
    expected: { kind: string; message: RegExp; advice?: RegExp },
  ): Promise<void> {
    const before = await world();
    await assert.rejects(call(payload), expected);
    assert.deepEqual(await world(), before);
    const { rows } = await on.control.query('select state from etl.consistency_check where ended_at is null');
    assert.deepEqual(rows, []);
  }

  it('of an unknown view is refused', async () => {
    await assertRefused({ view: 'no_such_view' }, { kind: 'invalid_event', message: /no_such_view/ });
  });

  for (const payload of [
    { view: VIEW, mode: 'deep' },
    { view: VIEW, since: 0 },
    { view: VIEW, since: 7, mode: 'keys' },
    { view: VIEW, repair: 'yes' },
    { view: VIEW, unknown: true },
  ]) {
    it(`is refused with the forms that are accepted: ${JSON.stringify(payload)}`, async () => {
      await assertRefused(payload, {
        kind: 'invalid_event',
        message: /the event is not valid/,
        advice: /"mode": "keys" or "since": days/,
      });
    });
  }

  it('of a view that was never loaded is refused', async () => {
    await assertRefused({ view: VIEW }, { kind: 'invalid_event', message: /has not been loaded yet/ });
  });

  it('of a view whose target is missing is refused', async () => {
    await load();
    await on.query(`drop table ${on.targetTable()}`);
    await assertRefused(
      { view: VIEW, repair: true },
      { kind: 'invalid_event', message: /its target does not exist/ },
    );
  });

  it('of a view whose target has other columns is refused', async () => {
    await load();
    await on.query(`alter table ${on.targetTable()} drop column share`);
    await assertRefused(
      { view: VIEW, repair: true },
      { kind: 'invalid_event', message: /its target has other columns/ },
    );
  });

  it('of a view without updated_at finds no rows that changed since', async () => {
    await load();
    await on.source.database.query(
      'create or replace view pmr_site as select id as site_id, project_id, name from app_site',
    );
    await on.source.add('app_site', { id: 1, name: 'site' });
    await on.replicate('pmr_site');
    await assertRefused(
      { view: 'pmr_site', since: 7 },
      { kind: 'invalid_event', message: /has no column updated_at/ },
    );
  });

  it('of a view with a row without a key says so', async () => {
    await load();
    await on.source.database.query(`create or replace view pmr_project as
      select nullif(p.id, 2) as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
      from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`);
    await assertRefused(
      { view: VIEW },
      { kind: 'bad_data', message: /project_id is NULL in some rows/, advice: /Change the view/ },
    );
  });

  for (const [what, change, reason] of [
    ['halted', `halted_reason = 'broken', halted_at = now()`, 'halted'],
    ['paused', 'paused = true', 'paused'],
    ['to be resynced', 'resync_requested_at = now()', 'a resync is requested'],
  ] as const) {
    it(`of a view that is ${what} is left out, with the reason`, async () => {
      await load();
      await on.control.query(`update etl.view_source set ${change} where name = $1`, [VIEW]);
      const before = await world();
      const answer = await call({ view: VIEW, repair: true });
      assert.partialDeepStrictEqual(answer, { outcome: 'skipped', view: VIEW });
      assert.match(JSON.stringify(answer), new RegExp(reason));
      assert.deepEqual(await world(), before);
    });
  }

  it('twice at once is made once: the second call is told', async () => {
    await load();
    const held = stack.bigquery.faults.holdNext('bigquery.job.query');
    const first = call({ view: VIEW });
    await held.reached;
    assert.partialDeepStrictEqual(await call({ view: VIEW, repair: true }), {
      outcome: 'already being checked',
      state: 'comparing',
    });
    const { rows } = await on.control.query('select id::text as check from etl.consistency_check');
    assert.equal(rows.length, 1);
    // So is a second delivery of the message that goes on with it.
    assert.partialDeepStrictEqual(await call({ view: VIEW, check: rows[0].check }), {
      outcome: 'already being checked',
    });
    held.release();
    assert.partialDeepStrictEqual(await first, { outcome: 'consistent' });
    assert.partialDeepStrictEqual(await call({ view: VIEW, check: rows[0].check }), {
      outcome: 'already finished',
    });
  });

  it('while a batch is in flight queues its repairs, which come with the next batch', async () => {
    await load();
    await on.source.database.query(`update app_project set name = 'changed' where id = 2`);
    const waiting = await on.check({ repair: true });
    assert.ok(waiting.outcome === 'waiting');
    await on.catchUp();
    await on.source.change('app_project', 1, { name: 'in flight' });
    const batch = await on.stage();
    const repairing = await on.continueCheck(waiting);
    assert.partialDeepStrictEqual(repairing, { outcome: 'waiting', state: 'repairing' });
    assert.equal((await on.extract()).outcome, 'republished');
    await on.merge(batch);
    assert.partialDeepStrictEqual(await on.continueCheck(waiting), {
      outcome: 'waiting',
      state: 'repairing',
    });
    await on.catchUp();
    assert.partialDeepStrictEqual(await on.continueCheck(waiting), { outcome: 'consistent', repaired: 1 });
    assert.deepEqual(
      (await on.batches()).map(({ kind }) => kind),
      ['initial', 'incremental', 'repair'],
    );
    await on.assertEqual();
  });

  it('to the end since a repaired row changes again looks again, and does not call it repaired before', async () => {
    await load();
    await on.source.database.query(`update app_project set name = 'changed' where id = 2`);
    const waiting = await on.check({ repair: true });
    assert.ok(waiting.outcome === 'waiting');
    await on.catchUp();
    await on.continueCheck(waiting);
    await on.catchUp();
    await on.source.change('app_project', 2, { name: 'changed again' });
    assert.partialDeepStrictEqual(await on.continueCheck(waiting), {
      outcome: 'waiting',
      state: 'repairing',
    });
    await on.catchUp();
    assert.partialDeepStrictEqual(await on.continueCheck(waiting), { outcome: 'consistent', repaired: 1 });
  });
});
