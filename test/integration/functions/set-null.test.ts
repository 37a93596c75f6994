import assert from 'node:assert/strict';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { resync } from '../../../shared/operations/resync.ts';
import { status } from '../../../shared/operations/status.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('rows that lose their lookup row without a log row, by on_delete=SET_NULL', () => {
  const { on } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_company', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.source.add(
      'app_project',
      { id: 1, company_id: 1 },
      { id: 2, company_id: 2 },
      { id: 3, company_id: 1 },
    );
    await on.replicate();
  });

  const deleteCompany = async () => {
    await on.source.database.query('update app_project set company_id = null where company_id = 1');
    await on.source.delete('app_company', 1);
  };
  const advised = async () =>
    (await status({ command: 'status', view: 'pmr_project' }, on.dependencies)).views[0]?.resyncAdvised;

  it('I2 arrive with the deleted log row of the lookup', async () => {
    await deleteCompany();

    const batch = await on.stage();
    assert.partialDeepStrictEqual(batch, { upserts: 2, deletes: 0 });
    await on.merge(batch);
    await on.assertEqual();
    assert.equal(await advised(), null);
  });

  it('I8 cause a warning and a lasting advice to resync if there are more than fit into a batch', async () => {
    await deleteCompany();
    const cutting = await on.anotherProcess({ MAX_BATCH_LOG_ROWS: '1' });
    const sink = cutting.captureLog();

    assert.partialDeepStrictEqual(await cutting.extract(), { outcome: 'idle', logRows: '1' });

    const reason =
      'a row of a lookup was deleted, and company_id is NULL in more than 1 rows, some of which may have pointed at it';
    assert.partialDeepStrictEqual(
      sink.records().find(({ message }) => message === 'resync advised'),
      { severity: 'WARNING', view: 'pmr_project', reason },
    );
    assert.equal(await advised(), reason);
    const { ok, findings } = await preflight({ view: 'pmr_project' }, on.dependencies);
    assert.equal(ok, false);
    assert.partialDeepStrictEqual(
      findings.find(({ ok }) => !ok),
      {
        check: 'target of pmr_project',
        message: `may be wrong: ${reason}`,
        advice: 'Resync the view: {"view":"pmr_project","resync":true}.',
      },
    );
    // A batch of changes does not mend it.
    await on.source.change('app_project', 2, { name: 'changed' });
    await on.replicate();
    assert.equal(await advised(), reason);

    await resync(
      { view: 'pmr_project', isWanted: true, acceptsDeletes: false, command: 'resync' },
      on.dependencies,
    );
    await on.replicate();

    assert.equal(await advised(), null);
    await on.assertEqual();
  });

  it('I2 arrive likewise if the view shows the foreign key and nothing else of the lookup, whose other changes name no row', async () => {
    await on.source.database.query(`
      create view shown_view as select id as project_id, company_id from app_project; grant select on shown_view to reader`);
    const { lookups, ...shown } = { ...PROJECT_ENTRY, name: 'shown_view', target_name: 'shown' };
    const importing = (entry: object) =>
      importConfiguration({ entries: [viewSourceEntry.parse(entry)] }, on.dependencies);
    const [warning] = (await importing(shown)).warnings;
    assert.match(
      warning?.advice ?? '',
      /Add to lookups {"table":"app_company","app_label":"app","model":"company","column":"company_id"}/,
    );
    const { findings, ok } = await preflight({ view: 'shown_view' }, on.dependencies);
    assert.equal(ok, false);
    assert.deepEqual(
      findings.find((finding) => !finding.ok),
      warning,
    );

    assert.deepEqual((await importing({ ...shown, lookups })).warnings, []);
    await on.replicate('shown_view');
    await on.source.change('app_company', 1, { name: 'renamed' });
    assert.partialDeepStrictEqual(await on.extract('shown_view'), { outcome: 'idle', logRows: '1' });

    await deleteCompany();
    assert.partialDeepStrictEqual(await on.replicate('shown_view'), { changed: '2' });
    assert.deepEqual(
      await on.query(
        `select project_id, company_id from ${on.targetTable().replace('.project', '.shown')} order by 1`,
      ),
      [
        { project_id: '1', company_id: null },
        { project_id: '2', company_id: '2' },
        { project_id: '3', company_id: null },
      ],
    );
  });

  it('are not looked for where the view source says that there are none', async () => {
    const [lookup] = PROJECT_ENTRY.lookups;
    assert.ok(lookup);
    await on.source.add('app_project', { id: 4 });
    await on.replicate();
    await importConfiguration(
      { entries: [{ ...PROJECT_ENTRY, lookups: [{ ...lookup, sets_null: false }] }] },
      on.dependencies,
    );
    await on.source.log('app_company', 7, 'deleted');
    assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle', logRows: '1' });

    await importConfiguration({ entries: [PROJECT_ENTRY] }, on.dependencies);
    const resync = await on.stage();
    assert.equal(resync.kind, 'resync');
    await on.merge(resync);
    await on.source.log('app_company', 7, 'deleted');
    assert.partialDeepStrictEqual(await on.stage(), { upserts: 1 });
  });
});
