import assert from 'node:assert/strict';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const SKIPPING = {
  ...PROJECT_ENTRY,
  name: 'pmr_skipping',
  target_name: 'skipping',
  skip_untracked: true,
};

describe('a row that is written with more columns than its log row lists', () => {
  const { on } = useInstallation();

  beforeEach(async () => {
    await on.source.database.query(
      'create view pmr_skipping as select * from pmr_project; grant select on pmr_skipping to reader',
    );
    await importConfiguration({ entries: [SKIPPING] }, on.dependencies);
    await on.source.add('app_company', { id: 1, name: 'old company' });
    await on.source.add('app_project', { id: 1, name: 'old', company_id: 1 });
    await on.replicate();
  });

  /** Writes a whole row as Django's `save()` does, and logs only these columns. */
  const save = async (row: { name: string; remark: string | null }, logged: object) => {
    await on.source.database.query('update app_project set name = $1, remark = $2 where id = 1', [
      row.name,
      row.remark,
    ]);
    await on.source.log('app_project', 1, 'changed', logged);
  };

  it('I2 arrives when a stale instance writes an old value back', async () => {
    await save({ name: "B's name", remark: null }, { name: { old: 'old', new: "B's name" } });
    await on.replicate();
    // The other instance was loaded before that, and only its remark was changed.
    await save({ name: 'old', remark: "A's remark" }, { remark: { old: null, new: "A's remark" } });
    await on.replicate();

    await on.assertEqual();
  });

  it('I2 arrives when it was changed without a log row, and is logged for another column later', async () => {
    await on.source.database.query(`update app_project set name = 'by queryset.update()'`);
    await on.source.change('app_project', 1, { remark: 'saved later' });
    await on.replicate();

    await on.assertEqual();
  });

  it('I2 arrives through its lookup likewise', async () => {
    await on.source.database.query(`update app_company set name = 'by raw SQL'`);
    await on.source.log('app_company', 1, 'changed', {});
    await on.replicate();

    await on.assertEqual();
  });

  it('I2 arrives in a view that skips untracked columns, if its log row lists a field whose column has another name', async () => {
    await on.source.add('app_company', { id: 2, name: 'new company' });
    await on.replicate('pmr_skipping');
    await on.source.database.query('update app_project set company_id = 2');
    await on.source.log('app_project', 1, 'changed', { company: { old: 1, new: 2 } });

    assert.partialDeepStrictEqual(await on.replicate('pmr_skipping'), { changed: '1' });
    assert.deepEqual(await on.query('select company from SMartDataAnalytics.skipping'), [
      { company: 'new company' },
    ]);
  });

  it('does not arrive in a view that skips untracked columns, which saves with update_fields only', async () => {
    await on.replicate('pmr_skipping');
    await on.source.change('app_project', 1, { remark: 'in no view' });
    await on.source.log('app_company', 1, 'changed', {});

    assert.partialDeepStrictEqual(await on.extract('pmr_skipping'), { outcome: 'idle', logRows: '2' });
  });
});
