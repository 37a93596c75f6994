import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';
const BEFORE = '2026-01-01T00:00:00Z';

describe('an operator who purges deleted rows', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const purge = (more: object = { confirm: VIEW }) =>
    ask({ view: VIEW, purgeDeletedBefore: BEFORE, ...more });
  const keys = async () => (await on.target()).map(({ project_id }) => project_id);
  /** Makes the last changes of these rows older than the time of the purge. */
  const age = (ids: number[]) =>
    on.query(
      `update ${on.targetTable()} set update_at = timestamp '2025-06-01 00:00:00+00' where project_id in (${ids.join(', ')})`,
    );

  /** Rows 1 and 2 were deleted long ago, 3 just now; 4 is as old, but there. */
  async function deleteSome(): Promise<void> {
    await on.source.add('app_project', ...[1, 2, 3, 4].map((id) => ({ id, name: `name ${id}` })));
    await on.replicate();
    for (const id of [1, 2, 3]) await on.source.delete('app_project', id);
    await on.replicate();
    await age([1, 2, 4]);
  }

  it('is asked for the name of the view first, and told how many rows go', async () => {
    await deleteSome();

    const answer = await purge({});

    assert.equal(answer.outcome, 'confirmation needed');
    assert.equal(answer.rows, '2');
    assert.match(
      String(answer.advice),
      /^To remove them, send \{"view":"pmr_project","purgeDeletedBefore":"2026-01-01T00:00:00\.000Z","confirm":"pmr_project"\}\./,
    );
    await assert.rejects(purge({ confirm: 'project' }), {
      kind: 'invalid_event',
      message: /"confirm" is not the name of the view/,
    });
    assert.deepEqual(await keys(), ['1', '2', '3', '4']);
  });

  it('removes the rows that were deleted before the time, and no others, and it is recorded with its cost', async () => {
    await deleteSome();

    assert.deepEqual(await purge(), { outcome: 'purged', view: VIEW, rows: '2' });

    assert.deepEqual(await keys(), ['3', '4']);
    assert.deepEqual(await purge(), { outcome: 'purged', view: VIEW, rows: '0' });
    const { rows: recorded } = await on.control.query(
      `select action, details from etl.schema_change where kind = 'purge' order by id limit 2`,
    );
    const details = { target: 'project', deletedBefore: '2026-01-01T00:00:00.000Z' };
    assert.deepEqual(recorded, [
      { action: 'requested', details },
      { action: 'purged', details: { ...details, rows: '2' } },
    ]);
    const { rows: usage } = await on.control.query(
      `select view_name, bytes_billed > 0 as is_billed from etl.job_usage where job_id like 'purge\\_%'`,
    );
    assert.deepEqual(usage[0], { view_name: VIEW, is_billed: true });
  });

  it('finds them gone after later batches and after a resync, and a key that is used again comes back', async () => {
    await deleteSome();
    await purge();

    // A log row that comes late, and a resync.
    await on.source.log('app_project', 1, 'deleted');
    await on.replicate();
    await ask({ view: VIEW, resync: true });
    await on.replicate();
    assert.deepEqual(await keys(), ['3', '4']);

    await on.source.add('app_project', { id: 2, name: 'again' });
    assert.partialDeepStrictEqual(await on.replicate(), { added: '1' });
    await on.assertEqual();
  });

  it('gets a row back that the view still has', async () => {
    await deleteSome();
    await on.query(`update ${on.targetTable()} set is_deleted = true where project_id = 4`);
    assert.partialDeepStrictEqual(await purge(), { rows: '3' });
    assert.deepEqual(await keys(), ['3']);

    await ask({ view: VIEW, resync: true });
    await on.replicate();
    await on.assertEqual();
  });

  for (const [what, column] of [
    ['a timestamp', 'opened'],
    ['the time of the last change', 'update_at'],
  ] as const) {
    it(`from a target that is partitioned by ${what}, rows without a partition included`, async () => {
      await importConfiguration(
        { entries: [{ ...PROJECT_ENTRY, partition_column: column, partition_granularity: 'month' }] },
        on.dependencies,
      );
      await on.source.add(
        'app_project',
        { id: 1, name: 'a', opened: '2025-01-10T00:00:00Z' },
        { id: 2, name: 'b', opened: '2025-03-10T00:00:00Z' },
        { id: 3, name: 'c', opened: null },
        { id: 4, name: 'd', opened: '2025-03-11T00:00:00Z' },
        { id: 5, name: 'e', opened: null },
      );
      await on.replicate();
      for (const id of [1, 2, 3]) await on.source.delete('app_project', id);
      await on.replicate();
      await age([1, 2, 3, 4, 5]);

      assert.partialDeepStrictEqual(await purge(), { rows: '3' });

      assert.deepEqual(await keys(), ['4', '5']);
      await on.source.change('app_project', 4, { name: 'D' });
      await on.replicate();
      await on.assertEqual();
    });
  }

  it('I4 waits while a function works on the view, or while BigQuery may still apply a batch', async () => {
    await deleteSome();
    const lease = await on.dependencies.control.leases.acquire(VIEW, 60);
    assert.ok(lease);
    await assert.rejects(purge(), { kind: 'transient', message: /a function is working on it/ });
    await on.control.query('delete from etl.lease');

    await on.source.add('app_project', { id: 5, name: 'five' });
    const batch = await on.stage();
    await on.control.query(`update etl.etl_transaction set state = 'applying' where state = 'staged'`);
    await assert.rejects(purge(), { kind: 'transient', message: /batch \d+ is being applied/ });

    await on.control.query(`update etl.etl_transaction set state = 'staged' where state = 'applying'`);
    assert.partialDeepStrictEqual(await purge(), { outcome: 'purged', rows: '2' });
    await on.merge(batch);
    await on.assertEqual();
  });

  it('releases the view for the next batch, also after a failure', async () => {
    await deleteSome();
    await on.query(`drop table ${on.targetTable()}`);
    await assert.rejects(purge(), {
      kind: 'invalid_event',
      message: /table .*\.SMartDataAnalytics\.project does not exist/,
    });
    assert.equal(await on.haltedReason(), null);
    assert.ok(await on.dependencies.control.leases.acquire(VIEW, 60));
  });

  it('of a streamed view is told that none is marked: deleted rows are gone', async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await on.replicate(STREAMED_ENTRY.name);
    await on.source.delete('app_incident', 1);
    await on.replicate(STREAMED_ENTRY.name);

    const answer = await ask({ view: STREAMED_ENTRY.name, purgeDeletedBefore: BEFORE });

    assert.partialDeepStrictEqual(answer, { outcome: 'nothing to purge', rows: '0' });
    assert.match(String(answer.advice), /removes deleted rows from its target/);
    assert.deepEqual(
      (await on.target('incident')).map(({ incident_id }) => incident_id),
      ['2'],
    );
  });

  it('cannot name a time in the future, no time, or an unknown view', async () => {
    const wrong: [object, RegExp][] = [
      [{ view: VIEW, purgeDeletedBefore: '2999-01-01T00:00:00Z' }, /is in the future/],
      [{ view: VIEW, purgeDeletedBefore: '2026-01-01' }, /purgeDeletedBefore: /],
      [{ purgeDeletedBefore: BEFORE }, /view: /],
      [{ view: 'pmr_projects', purgeDeletedBefore: BEFORE }, /no view source is named/],
    ];
    for (const [payload, message] of wrong) {
      await assert.rejects(ask(payload), { kind: 'invalid_event', message });
    }
  });
});
