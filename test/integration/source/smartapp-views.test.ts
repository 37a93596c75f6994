import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import type { Config } from '../../../shared/config/config.ts';
import { asViewSource } from '../../../shared/control/view-source-row.ts';
import { viewSourceImport } from '../../../shared/model/view-source-import.ts';
import { inspectSource } from '../../../shared/operations/inspect-source.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE_TABLE, LOG_TABLE, openPool } from './use-source.ts';

const ROOT = new URL('../../../', import.meta.url);
const VIEWS = ['pmr_project', 'pmr_inventory', 'pmr_pm_plan', 'pmr_pm_item', 'xyz_incident'];
const SOME_CONTENT_TYPE = 1;

/** The columns on which the views depend, written by hand: those that they show, join by and filter by. */
const TRACKED: Record<string, string[]> = {
  pmr_project: [
    'company_id',
    'enq_id',
    'has_pm',
    'id',
    'is_dummy',
    'project_end',
    'project_name',
    'project_start',
  ],
  pmr_inventory: [
    'brand_id',
    'customer_warranty_end',
    'customer_warranty_start',
    'id',
    'is_dummy',
    'model_id',
    'product_type_id',
    'project_id',
    'serial_number',
  ],
  pmr_pm_plan: ['ended_pm_date', 'id', 'planned_date', 'project_id', 'remark', 'team_lead_id'],
  pmr_pm_item: [
    'actual_date',
    'document_date',
    'document_engineer_id',
    'id',
    'inventory_id',
    'is_pm',
    'pm_engineer_id',
    'pm_master_id',
  ],
  xyz_incident: [
    'id',
    'incident_close_datetime',
    'incident_datetime',
    'incident_owner_id',
    'incident_severity_id',
    'incident_status_id',
    'incident_type_id',
    'inventory_id',
    'service_type_id',
  ],
};

describe("SMartApp's views", () => {
  let postgres: Postgres;
  let pool: pg.Pool;

  before(async () => {
    postgres = await startPostgres();
    pool = openPool(postgres.url());
    const paths = ['test/smartapp/schema.sql', ...VIEWS.map((view) => `sql/source/${view}.sql`)];
    for (const path of paths) await pool.query(await readFile(new URL(path, ROOT), 'utf8'));
    await pool.query(`insert into ${CONTENT_TYPE_TABLE} values ($1, 'app', 'any')`, [SOME_CONTENT_TYPE]);
  });

  after(async () => {
    await pool.end();
    await postgres.stop();
  });

  async function describeConfigured(name: string): Promise<SourceView> {
    const file = JSON.parse(await readFile(new URL('sql/source/view-sources.json', ROOT), 'utf8')) as {
      import: unknown;
    };
    const entry = viewSourceImport.parse(file.import).find((each) => each.name === name);
    assert.ok(entry);
    return await describeView(
      pool,
      makeViewSource({
        name,
        mainTable: entry.main_table,
        contentTypeId: SOME_CONTENT_TYPE,
        keyColumn: entry.key_column,
        trackedColumns: entry.tracked_columns,
        foreignKeys: entry.foreign_keys,
        datetimeColumns: entry.datetime_columns,
        clusterColumns: entry.cluster_columns,
        lookups: entry.lookups.map(({ table, column }) => ({
          table,
          column,
          contentTypeId: SOME_CONTENT_TYPE,
        })),
      }),
      CONTENT_TYPE_TABLE,
    );
  }

  it('are free of findings', async () => {
    const file = await readFile(new URL('sql/source/view-sources.json', ROOT), 'utf8');
    const entries = viewSourceImport.parse((JSON.parse(file) as { import: unknown }).import);
    const types = new Map<string, number>();
    const idOf = ({ app_label, model }: { app_label: string; model: string }): number => {
      const name = `${app_label}.${model}`;
      types.set(name, types.get(name) ?? 100 + types.size);
      return types.get(name) ?? 0;
    };
    const sources = entries.map((entry) =>
      asViewSource({
        ...entry,
        content_type_id: idOf(entry),
        lookups: entry.lookups.map((lookup) => ({ ...lookup, content_type_id: idOf(lookup) })),
      }),
    );
    for (const [name, id] of types) {
      await pool.query(`insert into ${CONTENT_TYPE_TABLE} values ($1, $2, $3)`, [id, ...name.split('.')]);
    }
    const config = { contentTypeTable: CONTENT_TYPE_TABLE, changeLogTable: LOG_TABLE } as Config;
    const known = new Set(VIEWS);
    for (const source of sources) {
      const { findings } = await inSnapshot(pool, (client) =>
        inspectSource(client, source, known, { config }),
      );
      assert.deepEqual(findings, [], source.name);
    }
  });

  for (const name of VIEWS) {
    it(`${name} fits its configuration, and tracks the columns on which it depends`, async () => {
      const { logged } = await describeConfigured(name);
      assert.deepEqual(logged[0]?.trackedColumns.toSorted(), TRACKED[name]);
    });
  }
});
