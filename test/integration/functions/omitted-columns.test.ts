import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('omitted columns', () => {
  const { on } = useInstallation();
  const importing = (differing: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...differing }] }, on.dependencies);
  const targetColumns = async () => {
    const [rows] = await on.bigquery.query('select * from SMartDataAnalytics.project order by project_id');
    return rows as Record<string, { value?: string } | string | null>[];
  };
  const loadAgain = async () => {
    const batch = await on.stage();
    assert.equal(batch.kind, 'resync');
    await on.merge(batch);
  };
  const SAVED_AT = '2024-03-04T05:06:07.000Z';

  beforeEach(() =>
    on.source.add(
      'app_project',
      { id: 1, name: 'One', updated_at: SAVED_AT },
      { id: 2, name: 'Two', updated_at: SAVED_AT },
    ),
  );

  it('are updated_at unless the import says so, and the check shows it', async () => {
    await on.replicate();

    assert.ok((await targetColumns()).every((row) => !('updated_at' in row)));
    const { findings } = await preflight({ view: 'pmr_project' }, on.dependencies);
    assert.deepEqual(
      findings.filter(({ check: name }) => name === 'columns of pmr_project'),
      [
        {
          check: 'columns of pmr_project',
          ok: true,
          message: 'omitted_columns, which the target does not get: updated_at',
        },
      ],
    );
  });

  it('I9 are none with [], and updated_at arrives like any other column', async () => {
    await importing({ omitted_columns: [] });
    await on.replicate();

    assert.deepEqual(
      (await targetColumns()).map(({ updated_at }) => (updated_at as { value: string }).value),
      [SAVED_AT, SAVED_AT],
    );
  });

  it('I2 that are no more are added to the target and filled by one resync', async () => {
    await on.replicate();
    assert.deepEqual((await importing({ omitted_columns: [] })).resyncs, ['pmr_project']);

    await loadAgain();

    assert.deepEqual(
      (await targetColumns()).map(({ updated_at }) => (updated_at as { value: string }).value),
      [SAVED_AT, SAVED_AT],
    );
    assert.equal((await on.extract()).outcome, 'idle');
  });

  it('I2 that were copied before stay in the target, and are NULL in every row after one resync', async () => {
    await on.replicate();
    await importing({ omitted_columns: ['updated_at', 'company', 'share'] });

    await loadAgain();

    const rows = await targetColumns();
    assert.deepEqual(
      rows.map(({ name, share, company }) => ({ name, share, company })),
      [
        { name: 'One', share: null, company: null },
        { name: 'Two', share: null, company: null },
      ],
    );
    assert.equal((await on.extract()).outcome, 'idle');
  });

  it('cause no resync if an import names those that are omitted by default', async () => {
    await on.replicate();
    await importing({ omitted_columns: ['updated_at'] });

    assert.equal((await on.extract()).outcome, 'idle');
  });

  describe('of a view that freezes its columns', () => {
    const freezing = (omitted_columns: string[]) => importing({ omitted_columns, column_changes: 'freeze' });

    beforeEach(async () => {
      await on.replicate();
      await freezing(['updated_at']);
    });

    it('I8 cannot become others that would add a column to the target or empty one, as the advice says', async () => {
      for (const omitted of [[], ['updated_at', 'company']]) {
        await assert.rejects(freezing(omitted), {
          kind: 'configuration',
          message:
            'view pmr_project has batches and its columns are frozen; a change of omitted_columns changes its target',
          advice:
            /^Nothing was stored\. Keep omitted_columns, or import the view with "column_changes": "evolve"/,
        });
      }
      assert.equal((await on.extract()).outcome, 'idle');

      await importing({ omitted_columns: ['updated_at', 'company'] });
      await loadAgain();
      assert.partialDeepStrictEqual(await targetColumns(), [{ company: null }, { company: null }]);
    });

    it('I8 may leave out a column that the view has got, so that the target stays as it is', async () => {
      await on.source.database.query(
        `create or replace view pmr_project as
           select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at, p.remark
           from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
      );
      assert.equal((await on.extract()).outcome, 'resync requested');
      await assert.rejects(on.extract(), {
        kind: 'schema_drift',
        message: /column remark \(STRING\) is missing/,
      });

      await freezing(['updated_at', 'remark']);
      await on.dependencies.control.viewStops.resume('pmr_project');

      await loadAgain();
      await on.assertEqual();
    });
  });

  for (const [what, entry, fault] of [
    [
      'a column that the view does not have',
      { omitted_columns: ['saved_at'] },
      'omitted column saved_at does not exist in the view',
    ],
    [
      'the key',
      { omitted_columns: ['project_id'] },
      'key column project_id is one of the omitted columns, which the target does not get',
    ],
    [
      'a cluster column',
      { omitted_columns: ['name'], cluster_columns: ['name'] },
      'cluster column name is one of the omitted columns, which the target does not get',
    ],
    [
      'the report column',
      { omitted_columns: ['opened'], report_column: 'opened' },
      'report column opened is one of the omitted columns, which the target does not get',
    ],
    [
      'the partition column',
      { omitted_columns: ['opened'], partition_column: 'opened', partition_granularity: 'month' },
      'partition column opened is one of the omitted columns, which the target does not get',
    ],
    [
      'a column with a default',
      { omitted_columns: ['name'], null_defaults: { name: 'x' } },
      'null_defaults column name is one of the omitted columns, which the target does not get',
    ],
    [
      'a column with a policy',
      { omitted_columns: ['opened'], unrepresentable: { opened: 'null' } },
      'unrepresentable column opened is one of the omitted columns, which the target does not get',
    ],
  ] satisfies [string, Partial<ViewSourceEntry>, string][]) {
    it(`cannot be ${what}`, async () => {
      await assert.rejects(importing(entry), {
        kind: 'configuration',
        message: `view source pmr_project: ${fault}`,
      });
    });
  }

  it('with a default that an earlier release accepted for updated_at go on', async () => {
    await on.control.query(`update etl.view_source set null_defaults = '{"updated_at":"2024-01-01"}'`);

    await on.replicate();
    await on.assertEqual();
  });
});

describe('an array that is NULL', () => {
  const { on } = useInstallation();
  const importing = (differing: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...differing }] }, on.dependencies);
  const policyValues = async () =>
    (await on.control.query('select policy_values as counted from etl.etl_transaction order by id')).rows.map(
      ({ counted }) => counted as Record<string, number>,
    );

  beforeEach(async () => {
    await on.source.database.query(
      `alter table app_project add tags text[];
       create or replace view pmr_project as
         select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at, p.tags
         from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
    );
    await on.source.add(
      'app_project',
      { id: 1, name: 'One', tags: null },
      { id: 2, name: 'Two', tags: [] },
      { id: 3, name: 'Three', tags: ['a'] },
    );
  });

  it('I9 arrives as an empty one, and is counted', async () => {
    await on.replicate();
    await on.source.change('app_project', 3, { tags: null });
    await on.replicate();

    const [rows] = await on.bigquery.query(
      'select project_id, array_length(tags) as n from SMartDataAnalytics.project order by project_id',
    );
    assert.deepEqual(
      rows.map(({ n }) => Number(n)),
      [0, 0, 0],
    );
    assert.deepEqual(await policyValues(), [{ tags: 1 }, { tags: 1 }]);
  });

  it('I9 stops the batch and is named, if the view source says so', async () => {
    await importing({ null_arrays: { tags: 'stop' } });

    await assert.rejects(on.extract(), {
      kind: 'bad_data',
      message:
        'view pmr_project: key 1, column tags: the value is NULL, and a column of arrays cannot be NULL in BigQuery',
    });
  });

  it('I9 stays NULL in a column that is a STRING by its policy, and is not counted', async () => {
    await importing({ unrepresentable: { tags: 'string' } });
    await on.replicate();

    const [rows] = await on.bigquery.query('select tags from SMartDataAnalytics.project order by project_id');
    assert.deepEqual(
      rows.map(({ tags }) => tags),
      [null, '{}', '{a}'],
    );
    assert.deepEqual(await policyValues(), [{}]);
  });

  it('has no policy where the column is no array: the import warns', async () => {
    const { warnings } = await importing({ null_arrays: { name: 'stop' } });
    assert.match(
      JSON.stringify(warnings),
      /the null_arrays policy of name has no effect, since it arrives as NULLABLE STRING/,
    );
    await assert.rejects(importing({ null_arrays: { nothing: 'stop' } }), {
      message: 'view source pmr_project: null_arrays column nothing does not exist in the view',
    });
  });
});
