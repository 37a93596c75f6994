import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY, SITE_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PROJECT = 'pmr_project';
const INCIDENTS = STREAMED_ENTRY.name;

describe('an operator who forgets a view', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
  });

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const forget = (view: string) => ask({ view, forget: true, confirm: view });

  /** The tables of the control database that mention the view, with the number of their rows that do. */
  async function mentions(view: string): Promise<Record<string, number>> {
    const { rows } = await on.control.query(
      `select table_name as table, column_name as column from information_schema.columns
       where table_schema = 'etl' and (column_name = 'view_name' or (table_name in ('view_source', 'lease') and column_name = 'name'))`,
    );
    const counts: Record<string, number> = {};
    for (const { table, column } of rows) {
      const found = await on.control.query(
        `select count(*)::int as n from etl.${table} where ${column} = $1`,
        [view],
      );
      counts[table] = found.rows[0].n;
    }
    return counts;
  }

  it('leaves no failures behind by events that were published before', async () => {
    const staged = [await on.stage(), await on.stage(INCIDENTS)];
    for (const { view } of staged) await forget(view);
    await forget('pmr_site');

    assert.partialDeepStrictEqual(await on.merge(staged[0] as never), { outcome: 'skipped' });
    assert.partialDeepStrictEqual(await on.stream(staged[1] as never), { outcome: 'skipped' });
    for (const view of [PROJECT, INCIDENTS, 'pmr_site']) {
      assert.deepEqual(await on.extract(view), { outcome: 'skipped', view, reason: 'forgotten' });
    }
    await assert.rejects(on.extract('pmr_other'), { kind: 'invalid_event' });
    const byHand = { functionName: 'extract', event: {}, isByHand: true };
    await assert.rejects(dispatch({ view: PROJECT }, byHand, on.dependencies), { kind: 'invalid_event' });

    await importConfiguration({ entries: [PROJECT_ENTRY] }, on.dependencies);
    assert.partialDeepStrictEqual(await on.merge(staged[0] as never), { outcome: 'skipped' });
    await on.replicate();
    await on.assertEqual();
  });

  it('is asked for the name of the view first, and told what goes', async () => {
    await on.replicate();
    await ask({ view: PROJECT, keys: [1] });
    const before = await mentions(PROJECT);

    const answer = await ask({ view: PROJECT, forget: true });

    assert.deepEqual(answer, {
      outcome: 'confirmation needed',
      view: PROJECT,
      removes: { target: 'project', loadType: 'merge', batches: 1, failures: 0, queuedKeys: 1, checks: 0 },
      advice: 'To remove it, send {"view":"pmr_project","forget":true,"confirm":"pmr_project"}.',
    });
    await assert.rejects(ask({ view: PROJECT, forget: true, confirm: 'pmr_projects' }), {
      kind: 'invalid_event',
      message: '"confirm" is not the name of view pmr_project',
    });
    assert.deepEqual(await mentions(PROJECT), before);
  });

  it('does so for another key, as the advice of the import says, and feeds another target', async () => {
    await on.replicate();
    const other = { ...PROJECT_ENTRY, key_column: 'name' };
    const failure = await importConfiguration({ entries: [other] }, on.dependencies).catch(
      (error: DataHubError) => error,
    );
    assert.ok(failure instanceof DataHubError);
    assert.match(failure.message, /has batches with key_column project_id/);
    assert.match(
      failure.advice,
      /send \{"view":"pmr_project","forget":true\}, confirm it, and import the view with another target_name/,
    );

    await forget(PROJECT);

    await importConfiguration({ entries: [{ ...PROJECT_ENTRY, target_name: 'site_2' }] }, on.dependencies);
    await on.replicate();
    const [{ n } = {}] = await on.query('select count(*) as n from SMartDataAnalytics.site_2');
    assert.equal(n, '2');
  });

  it('reads whose target it was, when the view has another name since', async () => {
    await on.replicate();
    const renamed = { ...PROJECT_ENTRY, name: 'pmr_projects' };
    await on.source.database.query('alter view pmr_project rename to pmr_projects');
    const advice = /Choose another target_name.* Or keep the former name of the view/;
    await assert.rejects(importConfiguration({ entries: [renamed] }, on.dependencies), {
      message: 'view pmr_projects cannot have target project: that target belongs to view pmr_project',
      advice,
    });

    await forget(PROJECT);

    await assert.rejects(importConfiguration({ entries: [renamed] }, on.dependencies), {
      message:
        'view pmr_projects cannot have its target: project was fed by view pmr_project with load type merge',
      advice,
    });
    await importConfiguration({ entries: [{ ...renamed, target_name: 'projects' }] }, on.dependencies);
    await on.replicate('pmr_projects');
  });

  it('removes everything that names it but its former target, and leaves its tables and the other views', async () => {
    await on.replicate();
    await on.replicate('pmr_site').catch(() => undefined);
    await ask({ view: PROJECT, keys: [1] });
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice) values ('extract', 'pmr_project', 'bug', 'x', '')`,
    );
    const [target, sites] = [await on.target(), await mentions('pmr_site')];

    assert.partialDeepStrictEqual(await forget(PROJECT), { outcome: 'forgotten', view: PROJECT });

    const left = await mentions(PROJECT);
    assert.ok(Object.keys(left).length >= 6);
    assert.deepEqual(
      Object.entries(left).filter(([, rows]) => rows > 0),
      [['former_target', 1]],
    );
    assert.deepEqual(await on.target(), target);
    assert.deepEqual(await mentions('pmr_site'), sites);
    await assert.rejects(ask({ view: PROJECT, forget: true }), {
      kind: 'invalid_event',
      message: /no view source is named/,
    });
  });

  it('I7 I11 may import it again: it is loaded again, and its target becomes equal', async () => {
    await on.replicate();
    await on.replicate(INCIDENTS);
    await forget(PROJECT);
    await forget(INCIDENTS);
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.delete('app_project', 2);
    await on.source.change('app_incident', 1, { type: 'uno' });
    await on.source.delete('app_incident', 2);

    await importConfiguration({ entries: [PROJECT_ENTRY, STREAMED_ENTRY] }, on.dependencies);
    await on.replicate();
    await on.replicate(INCIDENTS);

    await on.assertAllEqual();
  });

  it('I11 but not with the other load type, nor give its target to another view', async () => {
    await on.replicate();
    await on.replicate(INCIDENTS);
    await forget(PROJECT);
    await forget(INCIDENTS);

    for (const entry of [
      { ...STREAMED_ENTRY, load_type: 'merge' as const },
      { ...SITE_ENTRY, name: 'pmr_site', target_name: 'incident', load_type: 'merge' as const },
    ]) {
      await assert.rejects(importConfiguration({ entries: [entry] }, on.dependencies), {
        kind: 'configuration',
        message: /incident was fed by view xyz_incident with load type bq-storage-api/,
      });
    }
  });

  it('I4 waits while a function works on it, or while BigQuery may still apply a batch', async () => {
    const lease = await on.dependencies.control.leases.acquire(PROJECT, 60);
    assert.ok(lease);
    await assert.rejects(forget(PROJECT), { kind: 'invalid_event', message: /a function is working on it/ });
    await on.control.query('delete from etl.lease');

    await on.stage();
    await on.control.query(`update etl.etl_transaction set state = 'applying'`);
    await assert.rejects(forget(PROJECT), { kind: 'invalid_event', message: /batch 1 is being applied/ });

    await on.control.query(`update etl.etl_transaction set state = 'staged'`);
    assert.partialDeepStrictEqual(await forget(PROJECT), { outcome: 'forgotten' });
  });
});
