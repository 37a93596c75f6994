import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { differencesOf } from './differences-of.ts';

const VIEW = PROJECT_ENTRY.name;

describe('what a check does not repair', () => {
  const { on } = useInstallation();

  const fill = (rows: number) =>
    on.source.database.query(
      `insert into app_project (id, name) select i, 'project ' || i from generate_series(1, $1::int) i`,
      [rows],
    );
  const queued = async () => (await on.control.query('select from etl.queued_key')).rowCount;
  const assertProved = async (view = VIEW) => {
    await on.catchUp(view);
    assert.equal((await on.reconcile({}, view)).outcome, 'consistent');
  };

  it('is a share of the view above max_repaired_share, where a resync helps', async () => {
    await fill(300);
    await on.replicate();
    await on.source.database.query(`update app_project set name = 'changed' where id <= 101`);
    const result = await on.reconcile({ repair: true });
    assert.ok(result.outcome === 'differences found');
    assert.partialDeepStrictEqual(result, { different: 101, repaired: 0 });
    assert.match(result.why ?? '', /101 rows differ, more than the share of 0\.1/);
    assert.equal(await queued(), 0);
    await followAdvice(result.advice ?? '', on, VIEW);
    await assertProved();
  });

  it('is no share of the view below it', async () => {
    await fill(300);
    await on.replicate();
    await importConfiguration({ entries: [{ ...PROJECT_ENTRY, max_repaired_share: 0.5 }] }, on.dependencies);
    await on.source.database.query(`update app_project set name = 'changed' where id <= 101`);
    assert.partialDeepStrictEqual(await on.reconcile({ repair: true }), {
      outcome: 'consistent',
      repaired: 101,
    });
  });

  it('is more rows than a check can look at one by one, which are only counted', async () => {
    await fill(10);
    await on.replicate();
    await on.source.database.query(
      `insert into app_project (id, name) select i, 'project ' || i from generate_series(11, 20011) i`,
    );
    const result = await on.reconcile({ repair: true });
    assert.ok(result.outcome === 'differences found');
    assert.partialDeepStrictEqual(result, { missing: 20_001, repaired: 0 });
    assert.deepEqual(await differencesOf(on, result), []);
    assert.equal(await queued(), 0);
    await followAdvice(result.advice ?? '', on, VIEW);
    await assertProved();
  });

  it('is nothing, if more rows than that are the same once their late log rows are applied', async () => {
    await fill(10);
    await on.replicate();
    await on.source.database.query(
      `insert into app_project (id, name) select i, 'project ' || i from generate_series(11, 20011) i`,
    );
    const waiting = await on.check({ repair: true });
    assert.ok(waiting.outcome === 'waiting');
    await on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action, changed_data)
       select i, (select id from django_content_type where model = 'project'), 'added', '{}' from generate_series(11, 20011) i`,
    );
    await on.catchUp(VIEW);
    assert.partialDeepStrictEqual(await on.continueCheck(waiting), { outcome: 'consistent', missing: 0 });
  });

  for (const side of ['source', 'target'] as const) {
    it(`are rows of the ${side} that are too large for the memory of a function`, async () => {
      const addLarge = `insert into app_project (id, name) select i, repeat('x', 1000000) from generate_series(2, 18) i`;
      await fill(1);
      if (side === 'target') await on.source.database.query(addLarge);
      await on.replicate();
      await on.source.database.query(side === 'source' ? addLarge : 'delete from app_project where id > 1');
      const error: unknown = await on.reconcile({ repair: true }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof DataHubError && error.kind === 'invalid_event');
      assert.match(error.message, /the rows that differ are larger than 32 MB/);
      const { rows } = await on.control.query('select state from etl.consistency_check');
      assert.deepEqual(rows, [{ state: 'failed' }]);
      await followAdvice(error.advice, on, VIEW);
      await assertProved();
    });
  }

  it('is a view whose target has more bytes than max_check_bytes', async () => {
    await fill(10);
    await on.replicate();
    await importConfiguration({ entries: [{ ...PROJECT_ENTRY, max_check_bytes: 1000 }] }, on.dependencies);
    await assert.rejects(on.check({ repair: true }), (error: Error & { kind: string; advice: string }) => {
      assert.equal(error.kind, 'invalid_event');
      assert.match(error.message, /exceeded limit for bytes billed: 1000/);
      assert.match(error.advice, /Raise max_check_bytes/);
      return true;
    });
    const { rows } = await on.control.query('select state, error from etl.consistency_check');
    assert.equal(rows[0].state, 'failed');
    await importConfiguration(
      { entries: [{ ...PROJECT_ENTRY, max_check_bytes: 100_000_000 }] },
      on.dependencies,
    );
    assert.equal((await on.reconcile()).outcome, 'consistent');
  });

  describe('are several rows with one key', () => {
    it('in a merged target, until a person follows the advice', async () => {
      await fill(5);
      await on.replicate();
      await on.query(
        `insert into ${on.targetTable()} select * from ${on.targetTable()} where project_id in (1, 3)`,
      );
      // Not a repeated key, since deleted rows count as absent: the advice must leave this row alone.
      await on.query(`insert into ${on.targetTable()} (project_id, is_deleted) values (5, true)`);
      await on.source.database.query(`update app_project set name = 'changed' where id = 2`);
      const result = await on.reconcile({ repair: true });
      assert.ok(result.outcome === 'differences found');
      assert.partialDeepStrictEqual(result, { duplicate: 2, different: 1, repaired: 1 });
      assert.deepEqual(
        (await differencesOf(on, result)).map(({ key, kind }) => [key, kind]),
        [
          ['1', 'duplicate'],
          ['2', 'different'],
          ['3', 'duplicate'],
        ],
      );
      // No resync: as few rows as possible.
      assert.match(result.advice ?? '', /"keys":\["1","3"\]/);
      await followAdvice(result.advice ?? '', on, VIEW);
      await assertProved();
    });

    it('in a streamed target', async () => {
      await importConfiguration({ entries: [STREAMED_ENTRY] }, on.dependencies);
      await on.source.add('app_incident', { id: 1, type: 'a' }, { id: 2, type: 'b' });
      await on.catchUp(STREAMED_ENTRY.name);
      const table = on.targetTable('incident');
      await on.query(`insert into ${table} select * from ${table} where incident_id = 1`);
      const result = await on.reconcile({ repair: true }, STREAMED_ENTRY.name);
      assert.ok(result.outcome === 'differences found');
      assert.partialDeepStrictEqual(result, { duplicate: 1, repaired: 0 });
      await followAdvice(result.advice ?? '', on, STREAMED_ENTRY.name);
      await assertProved(STREAMED_ENTRY.name);
    });

    it('in the source, where the view must be changed', async () => {
      await fill(5);
      await on.replicate();
      await on.source.database.query(`create table child () inherits (app_project);
        insert into child (id, name) values (4, 'twin')`);
      const result = await on.reconcile({ repair: true });
      assert.ok(result.outcome === 'differences found');
      assert.partialDeepStrictEqual(result, { duplicate: 1, repaired: 0 });
      assert.match(
        result.advice ?? '',
        /View pmr_project has several rows with the same key, for example 4: change the view/,
      );
      assert.equal(await queued(), 0);
      await on.source.database.query('delete from child');
      await assertProved();
    });
  });
});
