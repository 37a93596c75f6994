import assert from 'node:assert/strict';
import { extractView } from '../../../functions/extract/extract-view.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { dryRunImport, importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { failBefore, pass } from '../../emulators/faults.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const tag = (id: number) => `projects/p/locations/eu/taxonomies/1/policyTags/${id}`;

describe('a changed view source of a view that has batches', () => {
  const { on, stack } = useInstallation();
  const sql = (text: string) => on.source.database.query(text);
  const importing = (differing: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...differing }] }, on.dependencies);
  const table = (name = 'project') => on.bigquery.dataset('SMartDataAnalytics').table(name);
  const metadata = async () => (await table().getMetadata())[0];
  const changes = async () =>
    (await on.control.query('select kind, action from etl.schema_change order by id')).rows.map(
      ({ kind, action }) => `${kind} ${action}`,
    );

  beforeEach(async () => {
    await on.source.add('app_company', { id: 1, name: 'c' });
    await on.source.add(
      'app_project',
      { id: 1, name: 'one', company_id: 1, opened: '2026-01-02T03:04:05Z' },
      { id: 2, opened: '2015-01-02T03:04:05Z' },
    );
    await on.replicate();
  });

  it('I2 whose defaults differ is loaded again, and says so', async () => {
    const answer = await importing({ null_defaults: { name: 'nameless' } });

    assert.deepEqual(answer, {
      outcome: 'imported',
      views: ['pmr_project'],
      resyncs: ['pmr_project'],
      effects: [
        {
          view: 'pmr_project',
          field: 'null_defaults',
          effect: 'resync',
          message:
            'rows of the target may be wrong until the view is loaded again, which the system has requested',
        },
      ],
      warnings: [],
    });
    const batch = await on.stage();
    assert.equal(batch.kind, 'resync');
    assert.partialDeepStrictEqual(await on.merge(batch), { changed: '1', unchanged: '1' });
    assert.deepEqual(
      (await on.target()).map(({ name }) => name),
      ['one', 'nameless'],
    );
    assert.deepEqual(await changes(), ['configuration resync']);
    assert.equal((await on.extract()).outcome, 'idle');
  });

  it('I2 gets the rows that a new lookup would have named', async () => {
    await importing({ lookups: [], ignored_dependencies: ['app_company'] });
    await sql(`update app_company set name = 'unfollowed'`);
    await on.extract();

    assert.deepEqual((await importing({})).resyncs, ['pmr_project']);

    await on.replicate();
    await on.assertEqual();
  });

  it('that is imported again, or differs in what the next batch obeys, is not loaded again', async () => {
    for (const differing of [
      {},
      { recheck_seconds: 60, max_deleted_share: 0.9, view_changes: 'halt' },
    ] as const) {
      assert.partialDeepStrictEqual(await importing(differing), { resyncs: [], effects: [] });
    }
    assert.equal((await on.extract()).outcome, 'idle');
    assert.deepEqual(await changes(), []);
  });

  it('I2 while it is loaded with the former configuration is loaded once more', async () => {
    await on.dependencies.control.viewStops.requestResync('pmr_project', {
      isWanted: true,
      acceptsDeletes: false,
    });
    const former = await on.stage();
    await importing({ null_defaults: { name: 'nameless' } });
    await on.merge(former);

    const batch = await on.stage();

    assert.equal(batch.kind, 'resync');
    await on.merge(batch);
    assert.deepEqual(
      (await on.target()).map(({ name }) => name),
      ['one', 'nameless'],
    );
  });

  it('with another report column gets its reporting view without a change of its rows', async () => {
    assert.equal((await on.visible()).length, 2);
    assert.partialDeepStrictEqual(await importing({ report_column: 'opened' }), {
      resyncs: [],
      effects: [{ field: 'report_column', effect: 'objects' }],
    });

    assert.equal((await on.extract()).outcome, 'idle');

    assert.deepEqual(
      (await on.visible()).map(({ project_id }) => String(project_id)),
      ['1'],
    );
  });

  it('says in a dry run what an import would do, and does nothing', async () => {
    const answer = await dryRunImport(
      { entries: [{ ...PROJECT_ENTRY, null_defaults: { name: 'x' }, cluster_columns: ['name'] }] },
      on.dependencies,
    );

    assert.deepEqual(answer.resyncs, ['pmr_project']);
    assert.deepEqual(
      answer.effects.map(({ field, effect }) => `${field}: ${effect}`),
      ['null_defaults: resync', 'cluster_columns: rewrite'],
    );
    assert.match(
      answer.findings.find(({ check }) => check === 'view pmr_project')?.message ?? '',
      /will be clustered by project_id, name, and its rows rewritten once/,
    );
    assert.equal((await on.extract()).outcome, 'idle');
    assert.deepEqual((await metadata()).clustering.fields, ['project_id']);
  });

  describe('with another clustering', () => {
    const rewrites = async () =>
      (await on.bigquery.getJobs())[0].filter(({ id }) => id?.startsWith('rewrite_')).map(({ id }) => id);
    const succeeded = async () => {
      const [jobs] = await on.bigquery.getJobs();
      return jobs.filter(
        ({ id, metadata: job }) => id?.startsWith('rewrite_') && job.status.errorResult === undefined,
      ).length;
    };
    const isRewrittenOnce = async () => {
      await on.extract();
      assert.deepEqual((await metadata()).clustering.fields, ['project_id', 'name']);
      assert.equal(await succeeded(), 1);
      await on.source.change('app_project', 2, { name: 'two' });
      await on.replicate();
      assert.equal(await succeeded(), 1);
      await on.assertEqual();
    };

    it('is given it, and its rows are rewritten once, at a cost that is recorded', async () => {
      assert.partialDeepStrictEqual(await importing({ cluster_columns: ['name'] }), {
        resyncs: [],
        effects: [{ field: 'cluster_columns', effect: 'rewrite' }],
      });

      await isRewrittenOnce();

      assert.deepEqual(await changes(), ['configuration evolved', 'configuration rewrite']);
      const { rows } = await on.control.query(
        `select bytes_billed > 0 as is_billed from etl.job_usage where view_name = 'pmr_project' and job_id like 'rewrite%'`,
      );
      assert.deepEqual(rows, [{ is_billed: true }]);
    });

    it('that could not be set is given it later', async () => {
      await importing({ cluster_columns: ['name'] });
      stack.bigquery.faults.next('bigquery.tables.patch', failBefore(403));
      await assert.rejects(on.extract(), { kind: 'unauthorized' });
      await isRewrittenOnce();
    });

    it('whose rows could not be rewritten is rewritten later', async () => {
      await importing({ cluster_columns: ['name'] });
      // The first jobs make the objects and the reporting view.
      stack.bigquery.faults.next(
        'bigquery.job.query',
        pass(),
        pass(),
        failJob('quotaExceeded'),
        failJob('quotaExceeded'),
        failJob('quotaExceeded'),
      );
      await assert.rejects(on.extract(), { kind: 'transient' });
      assert.deepEqual((await metadata()).clustering.fields, ['project_id', 'name']);
      await isRewrittenOnce();
    });

    it('whose rewrite was not seen to end is not rewritten again', async () => {
      await importing({ cluster_columns: ['name'] });
      const { control } = on.dependencies;
      const endRewrite = () => Promise.reject(new Error('the process was killed'));
      const dependencies = {
        ...on.dependencies,
        control: { ...control, schemaChanges: { ...control.schemaChanges, endRewrite } },
      };
      await extractView('pmr_project', 'test', { functionName: 'extract', event: null }, dependencies).catch(
        () => undefined,
      );
      await on.dependencies.control.viewStops.resume('pmr_project');
      assert.equal(await succeeded(), 1);
      await isRewrittenOnce();
    });

    it('there and back is rewritten each time', async () => {
      await importing({ cluster_columns: ['name'] });
      await on.extract();
      await importing({});
      await on.extract();
      assert.deepEqual((await metadata()).clustering.fields, ['project_id']);
      await importing({ cluster_columns: ['name'] });
      await on.extract();
      assert.equal(new Set(await rewrites()).size, 3);
      assert.deepEqual((await metadata()).clustering.fields, ['project_id', 'name']);
      await on.source.change('app_project', 2, { name: 'two' });
      await on.replicate();
      await on.assertEqual();
    });

    it('is given it also if its columns are frozen, since no column changes', async () => {
      await importing({ cluster_columns: ['name'], column_changes: 'freeze' });
      await isRewrittenOnce();
    });
  });

  describe('with policy tags', () => {
    const tags = async (dataset = 'SMartDataAnalytics', name = 'project') => {
      const [found] = await on.bigquery.dataset(dataset).table(name).getMetadata();
      const fields = found.schema.fields as { name: string; policyTags?: { names: string[] } }[];
      return Object.fromEntries(
        fields.flatMap((field) => (field.policyTags ? [[field.name, field.policyTags.names.join()]] : [])),
      );
    };

    it('has them on its target and its temp table, changed or removed later, and leaves those of others alone', async () => {
      const fields = (await metadata()).schema.fields.map((field: { name: string }) =>
        field.name === 'share' ? { ...field, policyTags: { names: [tag(9)] } } : field,
      );
      await table().setMetadata({ schema: { fields } });
      assert.partialDeepStrictEqual(await importing({ policy_tags: { name: tag(1), company: tag(2) } }), {
        resyncs: [],
        effects: [{ field: 'policy_tags', effect: 'objects' }],
      });
      assert.equal((await on.extract()).outcome, 'idle');
      assert.deepEqual(await tags(), { name: tag(1), company: tag(2), share: tag(9) });
      assert.deepEqual(await tags('SMartData_Temp', 'temp_project'), { name: tag(1), company: tag(2) });

      await importing({ policy_tags: { name: tag(3) } });
      await on.extract();
      assert.deepEqual(await tags(), { name: tag(3), share: tag(9) });

      await importing({});
      await on.extract();
      assert.deepEqual(await tags(), { share: tag(9) });
    });

    it('keeps them when columns are added and widened, and in a new target', async () => {
      await importing({ policy_tags: { name: tag(1), share: tag(2) } });
      await on.extract();
      const made = (columns: string) =>
        sql(`drop view pmr_project; create view pmr_project as select ${columns} from app_project p
          left join app_company c on c.id = p.company_id where not p.is_dummy; grant select on pmr_project to reader`);
      await made(
        'p.id as project_id, p.name, c.name as company, p.share::numeric(50, 20), p.opened, p.remark, p.updated_at',
      );
      await on.extract();
      await on.replicate();
      assert.deepEqual(await tags(), { name: tag(1), share: tag(2) });

      await made(
        'p.id as project_id, p.name, c.name as company, p.share::text, p.opened, p.remark, p.updated_at',
      );
      await on.extract();
      await on.replicate();

      assert.deepEqual(await tags(), { name: tag(1), share: tag(2) });
      assert.partialDeepStrictEqual(
        (await metadata()).schema.fields.find(({ name }: { name: string }) => name === 'share'),
        { type: 'STRING' },
      );
    });

    it('gets one back that somebody has removed, with the next batch', async () => {
      await importing({ policy_tags: { name: tag(1) } });
      await on.extract();
      const fields = (await metadata()).schema.fields.map((field: object) => ({
        ...field,
        policyTags: { names: [] },
      }));
      await table().setMetadata({ schema: { fields } });

      await on.source.change('app_project', 2, { name: 'two' });
      await on.extract();

      assert.deepEqual(await tags(), { name: tag(1) });
    });

    it('that could not be set has them later, before its rows are staged', async () => {
      await on.source.change('app_project', 2, { name: 'two' });
      await importing({ policy_tags: { name: tag(1) } });
      stack.bigquery.faults.next('bigquery.tables.patch', failBefore(403));
      await assert.rejects(on.extract(), { kind: 'unauthorized' });
      assert.equal((await on.batches()).length, 1);

      await on.replicate();

      assert.deepEqual(await tags(), { name: tag(1) });
      await on.assertEqual();
    });

    it('has them before the first row is loaded', async () => {
      await importing({ policy_tags: { name: tag(1) } });
      await on.control.query(
        `update etl.view_source set target_name = 'project_2' where name = 'pmr_project'`,
      );
      await on.control.query(`delete from etl.checkpoint where view_name = 'pmr_project'`);

      await on.stage();

      assert.deepEqual(await tags('SMartDataAnalytics', 'project_2'), { name: tag(1) });
      assert.deepEqual(await on.query('select * from SMartDataAnalytics.project_2'), []);
    });

    it('is refused for a column that is not there, or a tag of another location', async () => {
      await assert.rejects(importing({ policy_tags: { nothing: tag(1) } }), {
        kind: 'configuration',
        message: /policy_tags: the view has no column nothing/,
      });
      await assert.rejects(importing({ policy_tags: { name: tag(1).replace('/eu/', '/us/') } }), {
        kind: 'configuration',
        message: /the tag of column name is in us, but it must be in EU, as the target is/,
      });
    });

    it('fails the check while the functions may not read a tagged column', async () => {
      await importing({ policy_tags: { name: tag(1) } });
      await on.extract();
      assert.equal((await preflight({ view: 'pmr_project' }, on.dependencies)).ok, true);
      const passing = Array.from({ length: 4 }, () => pass());
      stack.bigquery.faults.next('bigquery.jobs.insert', ...passing, failBefore(403, 'accessDenied'));

      const { findings } = await preflight({ view: 'pmr_project' }, on.dependencies);

      assert.deepEqual(
        findings
          .filter(({ ok }) => !ok)
          .map(({ check, advice }) => [check, /service account/.test(advice ?? '')]),
        [['view pmr_project', true]],
      );
      assert.match(findings.find(({ ok }) => !ok)?.message ?? '', /the tagged columns cannot be read/);
    });
  });
});
