import assert from 'node:assert/strict';
import type { ResolvedEntry } from '../../../shared/control/view-source-row.ts';
import { useControl, viewEntry } from './control-server.ts';

const FULL: ResolvedEntry = viewEntry('pmr_project', {
  child_models: [{ app_label: 'app', model: 'inner_project', content_type_id: 8 }],
  skip_untracked: true,
  tracked_columns: ['enq_id', 'has_pm'],
  foreign_keys: [{ column: 'company_id', references: 'pmr_company' }],
  datetime_columns: ['opened'],
  null_defaults: { company: 'none', share: 0.5, has_pm: false },
  unrepresentable: { share: 'null' },
  policy_tags: { share: 'projects/p/locations/eu/taxonomies/1/policyTags/2' },
  partition_column: 'project_start',
  partition_granularity: 'month',
  cluster_columns: ['project_start', 'company_id'],
  report_column: 'project_start',
  recheck_seconds: 30,
  max_deleted_share: 0.25,
  auto_repair: true,
  max_repaired_share: 0.5,
  max_check_bytes: 1_000_000_000_000,
  lookups: [
    { table: 'app_company', app_label: 'app', model: 'company', content_type_id: 9, column: 'company_id' },
    {
      table: 'app_region',
      app_label: 'app',
      model: 'region',
      content_type_id: 10,
      child_models: [{ app_label: 'app', model: 'zone', content_type_id: 11 }],
      column: 'region_code',
      references: 'code',
      skip_untracked: false,
      sets_null: false,
    },
  ],
  ignored_dependencies: ['app_rate'],
  omitted_columns: ['saved_at'],
  null_arrays: { tags: 'stop' },
});

describe('view sources', () => {
  const database = useControl();

  beforeEach(() => database.pool.query('truncate etl.view_source cascade'));

  it('are read back as they were imported', async () => {
    await database.control.viewSources.import([FULL]);

    assert.deepEqual(await database.control.viewSources.get('pmr_project'), {
      name: 'pmr_project',
      targetName: 'project',
      mainTable: 'app_pmr_project',
      contentTypeId: 7,
      formerTypeIds: [],
      childTypeIds: [8],
      contentTypeNames: {
        7: 'app.pmr_project',
        8: 'app.inner_project',
        9: 'app.company',
        10: 'app.region',
        11: 'app.zone',
      },
      keyColumn: 'id',
      trackedColumns: ['enq_id', 'has_pm'],
      skipUntracked: true,
      foreignKeys: [{ column: 'company_id', references: 'pmr_company' }],
      datetimeColumns: ['opened'],
      nullDefaults: { company: 'none', share: 0.5, has_pm: false },
      unrepresentable: { share: 'null' },
      nullArrays: { tags: 'stop' },
      omittedColumns: ['saved_at'],
      policyTags: { share: 'projects/p/locations/eu/taxonomies/1/policyTags/2' },
      loadType: 'merge',
      partition: { column: 'project_start', granularity: 'month' },
      clusterColumns: ['project_start', 'company_id'],
      reportColumn: 'project_start',
      recheckSeconds: 30,
      maxDeletedShare: 0.25,
      autoRepair: true,
      maxRepairedShare: 0.5,
      maxCheckBytes: 1_000_000_000_000n,
      acceptsDeletes: false,
      viewChanges: 'resync',
      columnChanges: 'evolve',
      ignoredDependencies: ['app_rate'],
      lookups: [
        { table: 'app_company', contentTypeId: 9, column: 'company_id' },
        {
          table: 'app_region',
          contentTypeId: 10,
          childTypeIds: [11],
          column: 'region_code',
          references: 'code',
          skipUntracked: false,
          setsNull: false,
        },
      ],
      enabled: true,
      paused: false,
      haltedReason: null,
      resyncRequestedAt: null,
      resyncBySystem: false,
      resyncAdvice: null,
      warehouseFingerprint: null,
      targetCheckedAt: null,
      reportingViewHash: null,
      targetSnapshot: null,
      appliedPolicyTags: {},
      rewriteId: null,
      knownColumns: [],
      unfilledColumns: [],
    });
  });

  it('are changed by another import, which keeps their operating state and does not change others', async () => {
    await database.control.viewSources.import([FULL, viewEntry('pmr_inventory')]);
    await database.pool.query(`update etl.view_source set paused = true, idle_captures = 5, bad_keys = 2`);
    const lease = await database.control.leases.acquire('pmr_project', 60);
    assert.ok(lease);
    await database.control.viewSources.setWarehouseFingerprint(lease, 'abc', {
      columns: [],
      unfilled: [],
      policyTags: {},
    });

    await database.control.viewSources.import([viewEntry('pmr_project', { enabled: false })]);
    await database.control.viewSources.import([viewEntry('pmr_project', { enabled: false })]);

    const [inventory, project] = await database.control.viewSources.list();
    assert.partialDeepStrictEqual(project, {
      name: 'pmr_project',
      trackedColumns: [],
      partition: null,
      lookups: [],
      enabled: false,
      paused: true,
      warehouseFingerprint: 'abc',
    });
    assert.equal(inventory?.name, 'pmr_inventory');
    assert.deepEqual(
      await database.rows('select idle_captures, bad_keys from etl.view_source where name = $1', [
        'pmr_project',
      ]),
      [{ idle_captures: 5n, bad_keys: 2n }],
    );
  });

  it('are imported together or not at all', async () => {
    const impossible = { ...viewEntry('pmr_inventory'), target_name: 'project' };

    await assert.rejects(database.control.viewSources.import([FULL, impossible]));

    assert.deepEqual(await database.control.viewSources.list(), []);
  });

  it('I11 keep their load type and other locked fields from the first batch on', async () => {
    await database.control.viewSources.import([FULL]);
    await database.control.viewSources.import([{ ...FULL, load_type: 'bq-storage-api' }]);
    await database.pool.query(
      `insert into etl.etl_transaction
         (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix)
       values ('pmr_project', 'initial', 'x', 'extracting', gen_random_uuid(), '{}', 'x')`,
    );

    await assert.rejects(
      database.control.viewSources.import([viewEntry('pmr_other'), { ...FULL, main_table: 'elsewhere' }]),
      {
        kind: 'configuration',
        message:
          'view pmr_project has batches with load_type bq-storage-api; an import cannot change it to merge; ' +
          'has batches with main_table app_pmr_project; an import cannot change it to elsewhere',
        context: { view: 'pmr_project' },
      },
    );
    assert.deepEqual(
      (await database.control.viewSources.list()).map(({ name, loadType }) => [name, loadType]),
      [['pmr_project', 'bq-storage-api']],
    );
    await database.control.viewSources.import([{ ...FULL, load_type: 'bq-storage-api', recheck_seconds: 9 }]);
  });

  it('do not share a target', async () => {
    await database.control.viewSources.import([FULL]);
    await assert.rejects(
      database.control.viewSources.import([{ ...viewEntry('pmr_other'), target_name: FULL.target_name }]),
      { kind: 'configuration', message: /that target belongs to view pmr_project/ },
    );
  });

  it('are not found under an unknown name, and the advice lists the known ones', async () => {
    await assert.rejects(database.control.viewSources.get('x'), {
      kind: 'invalid_event',
      message: 'no view source is named "x"',
      advice: /Import a configuration first/,
    });
    await database.control.viewSources.import([FULL, viewEntry('pmr_inventory')]);

    await assert.rejects(database.control.viewSources.get('x'), { advice: /pmr_inventory, pmr_project/ });
  });
});
