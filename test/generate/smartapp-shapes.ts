import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { TableShape } from '../../shared/columns.ts';
import { parseExtractEvent } from '../../shared/events/messages.ts';
import { describeView } from '../../shared/source/source-view.ts';
import type { ViewSource, ViewSourceEntry } from '../../shared/view-source.ts';

/** SMartApp's view sources as they are committed, each with what its view is like in that database. */
export async function smartAppShapes(
  smartAppUrl: string,
): Promise<{ entry: ViewSourceEntry; shape: TableShape }[]> {
  const shapes: { entry: ViewSourceEntry; shape: TableShape }[] = [];
  const client = new pg.Client(smartAppUrl);
  await client.connect();
  try {
    for (const entry of await smartAppEntries()) {
      const { shape } = await describeView(client, await asViewSource(client, entry), 'django_content_type');
      shapes.push({ entry, shape });
    }
  } finally {
    await client.end();
  }
  return shapes;
}

async function smartAppEntries(): Promise<ViewSourceEntry[]> {
  const file = new URL('../../sql/source/view-sources.json', import.meta.url);
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
