import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { parseExtractEvent } from '../shared/events/messages.ts';
import { describeView } from '../shared/source/source-view.ts';
import type { ViewSource, ViewSourceEntry } from '../shared/view-source.ts';
import { foreignKeysSql } from '../shared/warehouse/foreign-keys-sql.ts';
import { procedureSql } from '../shared/warehouse/procedure-sql.ts';
import { ledgerSql, reportingViewSql, targetTableSql, tempTableSql } from '../shared/warehouse/tables-sql.ts';

/** The project that stands in the committed statements; the functions use their own. */
const DATASETS = {
  projectId: 'your-project',
  temp: 'SMartData_Temp',
  target: 'SMartDataAnalytics',
  view: 'View_SMartData',
};

/** The statements that sql/bigquery keeps for reading, by their path in it: what the functions run for SMartApp's merge views. */
export async function generatedSql(smartAppUrl: string): Promise<Map<string, string>> {
  const entries = await smartAppEntries();
  const files = new Map([['applied-batch.sql', ledgerSql(DATASETS)]]);
  const client = new pg.Client(smartAppUrl);
  await client.connect();
  try {
    for (const entry of entries.filter(({ load_type }) => load_type === 'merge')) {
      const { shape } = await describeView(client, await asViewSource(client, entry), 'django_content_type');
      const layout = {
        partition:
          entry.partition_column === null || entry.partition_granularity === null
            ? null
            : { column: entry.partition_column, granularity: entry.partition_granularity },
        clusterColumns: entry.cluster_columns,
        reportColumn: entry.report_column,
      };
      const folder = entry.target_name;
      files.set(`${folder}/temp-table.sql`, tempTableSql(DATASETS, shape));
      files.set(`${folder}/target-table.sql`, targetTableSql(DATASETS, shape, layout));
      files.set(`${folder}/procedure.sql`, procedureSql(DATASETS, shape));
      files.set(`${folder}/view.sql`, reportingViewSql(DATASETS, shape, layout));
      const foreignKeys = entry.foreign_keys.map(({ column, references }) => {
        const parent = entries.find(({ name }) => name === references);
        if (parent === undefined)
          throw new Error(`${entry.name} references ${references}, which is not configured`);
        return { column, references: { target: parent.target_name, keyColumn: parent.key_column } };
      });
      if (foreignKeys.length > 0) {
        files.set(`${folder}/foreign-keys.sql`, foreignKeysSql(DATASETS, shape, foreignKeys));
      }
    }
  } finally {
    await client.end();
  }
  return files;
}

async function smartAppEntries(): Promise<ViewSourceEntry[]> {
  const file = new URL('../sql/source/view-sources.json', import.meta.url);
  const event = parseExtractEvent(JSON.parse(await readFile(file, 'utf8')));
  if (event.ask !== 'import') throw new Error('view-sources.json is no import');
  return event.entries;
}

async function asViewSource(client: pg.Client, entry: ViewSourceEntry): Promise<ViewSource> {
  const { rows } = await client.query('select id, app_label, model from django_content_type');
  const typeOf = ({ app_label, model }: { app_label: string; model: string }): number =>
    rows.find((row) => row.app_label === app_label && row.model === model).id;
  return {
    name: entry.name,
    targetName: entry.target_name,
    mainTable: entry.main_table,
    contentTypeId: typeOf(entry),
    contentTypeNames: {},
    keyColumn: entry.key_column,
    trackedColumns: entry.tracked_columns,
    foreignKeys: entry.foreign_keys,
    datetimeColumns: entry.datetime_columns,
    nullDefaults: entry.null_defaults,
    unrepresentable: entry.unrepresentable,
    loadType: entry.load_type,
    partition: null,
    clusterColumns: entry.cluster_columns,
    reportColumn: entry.report_column,
    recheckSeconds: entry.recheck_seconds,
    lookups: entry.lookups.map((lookup) => ({
      table: lookup.table,
      contentTypeId: typeOf(lookup),
      column: lookup.column,
    })),
    enabled: entry.enabled,
    paused: false,
    haltedReason: null,
    warehouseFingerprint: null,
  };
}
