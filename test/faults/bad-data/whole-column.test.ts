import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('I9 a column whose values are all of another form', () => {
  const { on } = useInstallation();
  const configure = (fields: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...fields }] }, on.dependencies);
  const add = (names: (string | null)[]) =>
    on.source.add('app_project', ...names.map((name, i) => ({ id: i + 1, name })));
  const slashed = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}/01/2026`);

  it('is not advised a policy that would replace every value', async () => {
    await add(slashed(5));
    await configure({ datetime_columns: ['name'] });

    await assert.rejects(on.extract(), {
      kind: 'bad_data',
      message: /column name: the value is not a valid date and time/,
      advice:
        'Every value of column name is refused, so that a policy would replace them all. Show it in the view as timestamptz or as text like 2026-01-31 08:00, or remove it from datetime_columns. Then send {"view":"pmr_project","resume":true}.',
    });
  });

  it('is advised the same if rows without a value are among them, whatever the database sets for dates', async () => {
    await add([...slashed(3), null]);
    await configure({ datetime_columns: ['name'] });
    await assert.rejects(on.extract(), {
      kind: 'bad_data',
      advice: /^Every value of column name is refused/,
    });

    const { rows } = await on.source.database.query('select quote_ident(current_database()) as name');
    await on.source.database.query(`alter database ${rows[0].name} set datestyle = 'SQL, DMY'`);
    await on.dependencies.control.viewStops.resume('pmr_project');
    const process = await on.anotherProcess();
    await assert.rejects(process.extract(), {
      kind: 'bad_data',
      advice: /^Every value of column name is refused/,
    });
  });

  it('is advised a policy while some of its values fit', async () => {
    await add([...slashed(5), '2026-01-31 08:00']);
    await configure({ datetime_columns: ['name'] });

    await assert.rejects(on.extract(), { kind: 'bad_data', advice: /give the column a policy/ });
  });

  it('causes a warning when a policy replaced most values', async () => {
    const log = on.captureLog();
    const warnings = () => log.records().filter(({ message }) => message === 'policy replaced most values');
    await configure({ datetime_columns: ['name'], unrepresentable: { name: 'null' } });
    await add([...slashed(11), '2026-01-31 08:00']);

    await on.replicate();

    assert.partialDeepStrictEqual(warnings(), [
      {
        severity: 'WARNING',
        view: 'pmr_project',
        columns: ['name'],
        upserts: 12,
        policyValues: { name: 11 },
      },
    ]);
    await on.source.change('app_project', 1, { name: '1/2/2026' });
    await on.replicate();
    assert.equal(warnings().length, 1);
  });

  it('causes no warning when its policy makes it text, nor for arrays that are NULL', async () => {
    await on.source.database.query(
      `alter table app_project add tags text[];
       create or replace view pmr_project as
         select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at, p.tags
         from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
    );
    const log = on.captureLog();
    await configure({ datetime_columns: ['name'], unrepresentable: { name: 'string' } });
    await add(slashed(11));

    await on.replicate();

    assert.partialDeepStrictEqual(
      log.records().filter(({ message }) => message === 'batch staged'),
      [{ policyValues: { name: 11, tags: 11 } }],
    );
    assert.deepEqual(
      log.records().filter(({ message }) => message === 'policy replaced most values'),
      [],
    );
  });

  it('causes no warning when most of its values are NULL arrays, which the policy does not replace', async () => {
    const log = on.captureLog();
    await on.source.database.query(`drop view pmr_project; create view pmr_project as
      select id as project_id, name, array[share] as shares, null::numeric[] as nothing, opened, updated_at from app_project;
      grant select on pmr_project to reader`);
    await configure({ unrepresentable: { shares: 'null', nothing: 'null' } });
    await on.source.add('app_project', ...slashed(12).map((name, i) => ({ id: i + 1, name, share: 'NaN' })));

    await on.replicate();

    assert.deepEqual(
      (await on.batches()).map(({ policy_values }) => policy_values),
      [{ shares: 12, nothing: 12 }],
    );
    const warnings = log.records().filter(({ message }) => message === 'policy replaced most values');
    assert.deepEqual(
      warnings.map(({ columns, policyValues }) => ({ columns, policyValues })),
      [{ columns: ['shares'], policyValues: { shares: 12 } }],
    );
  });
});
