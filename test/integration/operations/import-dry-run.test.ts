import assert from 'node:assert/strict';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import { runOperation } from '../../../shared/operations/run-operation.ts';
import { PROJECT_ENTRY, SITE_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { BY_CALL } from './by-call.ts';
import { createThings, thing } from './things.ts';

describe('an import that is a dry run', () => {
  const { on } = useInstallation({ per: 'file' });
  before(() => createThings(on));

  const dryRun = async (...entries: object[]) => {
    const command = parseExtractEvent({ import: entries, dryRun: true });
    assert.ok(command.command === 'dryRunImport');
    const before = await on.control.query('select * from etl.view_source order by name');
    const answer = await runOperation(command, on.dependencies, BY_CALL);
    assert.deepEqual(
      (await on.control.query('select * from etl.view_source order by name')).rows,
      before.rows,
    );
    return answer;
  };

  it('answers the preflight of entries that are not stored', async () => {
    const { ok, outcome, findings } = await dryRun(thing());
    assert.deepEqual([ok, outcome], [true, 'ready'], JSON.stringify(findings));
    assert.deepEqual(
      findings
        .filter(({ check }) => check === 'import' || check.startsWith('view '))
        .map(({ message }) => message),
      [
        'reached; view sources to check: 1',
        '13 columns, key thing_id is unique and never NULL; tables to be created: ledger, temp, target',
      ],
    );
  });

  it('answers every mistake with advice', async () => {
    await on.source.database.query(`insert into app_thing (id, code) values (1, 7), (2, 7)`);
    const { ok, findings } = await dryRun(thing({ cluster_columns: ['tags'] }), {
      ...SITE_ENTRY,
      key_column: 'name',
    });
    assert.equal(ok, false);
    assert.deepEqual(
      findings.filter((finding) => !finding.ok).map(({ check }) => check),
      ['view thing_view', 'view pmr_site'],
    );
  });

  it('answers what becomes of a fed view that dropped a column', async () => {
    await on.replicate();
    await on.source.database.query(`drop view pmr_project;
      create view pmr_project as select id as project_id, name, opened from app_project;
      grant select on pmr_project to reader`);
    const entry = { ...PROJECT_ENTRY, lookups: [], ignored_dependencies: [] };
    const { findings } = await dryRun(entry);
    const [found] = findings.filter(({ check }) => check === 'view pmr_project');
    assert.match(found?.message ?? '', /its tables will follow: .*company/);
  });

  describe('of a view source that is not stored gives advice that, followed literally, lets it pass:', () => {
    const findingOf = async (check: string, entry: object) =>
      (await dryRun(entry)).findings.find((found) => found.check === check);
    const setTargets = (settings: object) => on.bigquery.dataset('SMartDataAnalytics').setMetadata(settings);

    for (const column_changes of ['evolve', 'freeze'] as const) {
      it(`another table in the place of its target, column_changes ${column_changes}`, async () => {
        await on.query('create or replace table SMartDataAnalytics.thing (a string)');

        const found = await findingOf('view thing_view', thing({ column_changes }));

        assert.equal(found?.ok, false);
        assert.match(
          found?.advice ?? '',
          /thing exists already, and SMart DataHub did not make it\. Import the view with another target_name\.$/,
        );
        assert.equal((await dryRun(thing({ column_changes, target_name: 'other_thing' }))).ok, true);
        await on.query('drop table SMartDataAnalytics.thing');
      });
    }

    it('a dataset whose texts ignore case', async () => {
      await setTargets({ defaultCollation: 'und:ci' });

      const found = await findingOf('tables of thing_view', thing());

      assert.equal(found?.ok, false);
      assert.match(found?.advice ?? '', /^Run: alter schema .* set default collate ''; Then import again\.$/);
      await setTargets({ defaultCollation: '' });
      assert.equal((await dryRun(thing())).ok, true);
    });
  });

  it('answers what the import itself would refuse', async () => {
    const { findings } = await dryRun({ ...thing(), target_name: 'project' });
    assert.match(
      findings.find(({ check }) => check === 'import')?.message ?? '',
      /that target belongs to view pmr_project/,
    );
    const unknown = await dryRun({ ...thing(), model: 'nothing' });
    assert.match(
      unknown.findings.find(({ check }) => check === 'import')?.message ?? '',
      /content type app\.nothing does not exist/,
    );
  });
});
