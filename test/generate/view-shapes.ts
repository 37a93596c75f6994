import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { parseExtractEvent } from '../../shared/events/extract-event.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { ViewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { describeView } from '../../shared/source/describe-view.ts';

/** A file of view sources and the database that contains their views. */
export interface Views {
  /** A file in the form of `{"import": …}`. */
  file: URL;
  sourceUrl: string;
}

export const SMARTAPP_VIEWS = new URL('../../sql/source/view-sources.json', import.meta.url);

/** The view sources of a file, each with the shape of its view in the database. */
export async function viewShapes({
  file,
  sourceUrl,
}: Views): Promise<{ entry: ViewSourceEntry; shape: TableShape }[]> {
  const shapes: { entry: ViewSourceEntry; shape: TableShape }[] = [];
  const client = new pg.Client(sourceUrl);
  await client.connect();
  try {
    for (const entry of await readEntries(file)) {
      const { shape } = await describeView(client, await asViewSource(client, entry), 'django_content_type');
      shapes.push({ entry, shape });
    }
  } finally {
    await client.end();
  }
  return shapes;
}

async function readEntries(file: URL): Promise<ViewSourceEntry[]> {
  const event = parseExtractEvent(JSON.parse(await readFile(file, 'utf8')));
  if (event.command !== 'import')
    throw new Error(`${file.pathname} does not contain an import of view sources`);
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
    childTypeIds: [],
    formerTypeIds: [],
    contentTypeNames: {},
    keyColumn: entry.key_column,
    trackedColumns: entry.tracked_columns,
    skipUntracked: entry.skip_untracked,
    foreignKeys: entry.foreign_keys,
    datetimeColumns: entry.datetime_columns,
    nullDefaults: entry.null_defaults,
    unrepresentable: entry.unrepresentable,
    nullArrays: entry.null_arrays,
    omittedColumns: entry.omitted_columns,
    policyTags: entry.policy_tags,
    loadType: entry.load_type,
    partition: null,
    clusterColumns: entry.cluster_columns,
    reportColumn: entry.report_column,
    recheckSeconds: entry.recheck_seconds,
    maxDeletedShare: entry.max_deleted_share,
    autoRepair: false,
    maxRepairedShare: 0.1,
    maxCheckBytes: null,
    lookups: entry.lookups.map((lookup) => ({
      table: lookup.table,
      contentTypeId: typeOf(lookup),
      column: lookup.column,
      ...(lookup.references !== undefined && { references: lookup.references }),
    })),
    ignoredDependencies: entry.ignored_dependencies,
    enabled: entry.enabled,
    paused: false,
    haltedReason: null,
    resyncRequestedAt: null,
    resyncBySystem: false,
    viewChanges: entry.view_changes,
    columnChanges: entry.column_changes,
    knownColumns: [],
    unfilledColumns: [],
    acceptsDeletes: false,
    resyncAdvice: null,
    warehouseFingerprint: null,
    targetCheckedAt: null,
    reportingViewHash: null,
    targetSnapshot: null,
    appliedPolicyTags: {},
    rewriteId: null,
  };
}
