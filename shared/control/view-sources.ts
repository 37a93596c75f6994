import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { Lookup, ViewSource, ViewSourceEntry } from '../model/view-source.ts';
import { inTransaction, type Queryable, readOnly } from '../postgres/transaction.ts';
import { lockConfiguration } from './configuration-lock.ts';
import { targetConflict } from './load-type.ts';

const SELECT = 'select * from etl.view_source';

/** The configured view sources (etl.view_source). */
export function createViewSources(pool: pg.Pool) {
  /** All view sources, ordered by name. */
  async function list(): Promise<ViewSource[]> {
    const { rows } = await readOnly(pool, 'control', `${SELECT} order by name`, []);
    return rows.map(fromRow);
  }

  return {
    /** One view source. Throws `invalid_event` when the configuration has none with that name. */
    async get(view: string): Promise<ViewSource> {
      const { rows } = await readOnly(pool, 'control', `${SELECT} where name = $1`, [view]);
      if (rows[0] !== undefined) return fromRow(rows[0]);
      const known = (await list()).map((source) => source.name);
      throw new DataHubError('invalid_event', `no view source is named ${JSON.stringify(view)}`, {
        advice:
          known.length > 0
            ? `The configuration has: ${known.join(', ')}.`
            : 'Import a configuration first: docs/configuration.md.',
      });
    },

    list,

    /** The freshness of every enabled view, ordered by name, by the control database's clock. */
    async freshness(): Promise<Freshness[]> {
      const { rows } = await readOnly(
        pool,
        'control',
        `select name, extract(epoch from now() - coalesce(captured_at, imported_at))::float8 as behind_seconds
         from etl.view_source where enabled order by name`,
      );
      return rows.map((row) => ({ view: row.name as string, behindSeconds: row.behind_seconds as number }));
    },

    /**
     * Creates or changes the given view sources, all or none, and leaves others alone. Safe to repeat. Keeps the operating state (paused,
     * halted, counters). Throws `configuration` when an entry would change a locked field or take another view's target.
     */
    async import(entries: ResolvedEntry[]): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await lockConfiguration(client);
        for (const entry of entries) {
          await assertImportable(client, entry);
          const columns = Object.keys(entry);
          await client.query(
            `insert into etl.view_source (${columns.join(', ')})
             select ${columns.join(', ')} from jsonb_populate_record(null::etl.view_source, $1)
             on conflict (name) do update set imported_at = now(),
               ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
            [JSON.stringify(entry)],
          );
        }
      });
    },

    /** Throws the `configuration` error that `import` would throw; changes nothing. */
    async assertImportable(entries: ResolvedEntry[]): Promise<void> {
      await inTransaction(pool, 'control', 'begin read only', async (client) => {
        for (const entry of entries) await assertImportable(client, entry);
      });
    },

    /** Records which warehouse objects were last created for the view, and its columns; null makes the next extract check the objects again. */
    async setWarehouseFingerprint(
      view: string,
      fingerprint: string | null,
      columns: string[],
    ): Promise<void> {
      await inTransaction(pool, 'control', 'begin', (client) =>
        client.query(
          `update etl.view_source set warehouse_fingerprint = $2,
             known_columns = array(select distinct unnest(known_columns || $3::text[]) order by 1)
           where name = $1`,
          [view, fingerprint, columns],
        ),
      );
    },
  };
}

/** How far an enabled view may be behind its source. */
export type Freshness = {
  view: string;
  /** Since the start of the last capture that was applied or found nothing to do; since the import when there was none. */
  behindSeconds: number;
};

/** An entry with the content type ids of the source that it was checked against. */
export type ResolvedEntry = ViewSourceEntry & { content_type_id: number };

/** Fields that are locked once the view has fed its target: another value would merge other rows over it (I11). */
const LOCKED = ['load_type', 'main_table', 'app_label', 'model', 'key_column', 'target_name'] as const;

async function assertImportable(client: Queryable, entry: ResolvedEntry): Promise<void> {
  const { rows } = await client.query(
    `select v.*, exists (select from etl.etl_transaction t where t.view_name = v.name) as was_fed
     from etl.view_source v where v.name = $1 or v.target_name = $2`,
    [entry.name, entry.target_name],
  );
  const isNew = !rows.some(
    (present) => present.name === entry.name && present.target_name === entry.target_name,
  );
  const taken = { view: entry.name, loadType: entry.load_type, target: entry.target_name };
  const why =
    isNew && rows.every((present) => present.target_name !== entry.target_name)
      ? await targetConflict(client, taken)
      : null;
  if (why !== null) throw notImportable(entry.name, [why]);
  for (const present of rows) {
    const faults =
      present.name === entry.name
        ? LOCKED.filter((field) => present.was_fed && present[field] !== entry[field]).map(
            (field) =>
              `has batches with ${field} ${present[field]}; an import cannot change it to ${entry[field]}`,
          )
        : [`cannot have target ${entry.target_name}: that target belongs to view ${present.name}`];
    if (faults.length === 0) continue;
    throw notImportable(entry.name, faults);
  }
}

function notImportable(view: string, faults: string[]): DataHubError {
  return new DataHubError('configuration', `view ${view} ${faults.join('; ')}`, {
    context: { view },
    advice: 'Keep these fields. To change the load type, use the loadType command (docs/operations.md).',
  });
}

/** An entry as the view source that it would become. */
export function asViewSource(entry: ResolvedEntry): ViewSource {
  return fromRow({
    ...entry,
    paused: false,
    halted_reason: null,
    resync_requested_at: null,
    resync_advised_reason: null,
    warehouse_fingerprint: null,
    known_columns: [],
  });
}

type ContentType = { content_type_id: number; app_label: string; model: string };

/** A lookup as the import stored it; imports of earlier releases lack the optional fields. */
type StoredLookup = ContentType & {
  table: string;
  column: string;
  child_models?: ContentType[];
  references?: string;
  skip_untracked?: boolean;
  sets_null?: boolean;
};

const idsOf = (types: ContentType[]): number[] => types.map(({ content_type_id }) => content_type_id);

function lookupFrom({
  table,
  content_type_id,
  child_models = [],
  column,
  references,
  skip_untracked,
  sets_null,
}: StoredLookup): Lookup {
  return {
    table,
    contentTypeId: content_type_id,
    ...(child_models.length > 0 && { childTypeIds: idsOf(child_models) }),
    column,
    ...(references !== undefined && { references }),
    ...(skip_untracked !== undefined && { skipUntracked: skip_untracked }),
    ...(sets_null !== undefined && { setsNull: sets_null }),
  };
}

function fromRow(row: Record<string, unknown>): ViewSource {
  const partitionColumn = row.partition_column as string | null;
  const resyncRequestedAt = row.resync_requested_at as Date | null;
  const childModels = row.child_models as ContentType[];
  const lookups = row.lookups as StoredLookup[];
  return {
    name: row.name as string,
    targetName: row.target_name as string,
    mainTable: row.main_table as string,
    contentTypeId: row.content_type_id as number,
    childTypeIds: idsOf(childModels),
    contentTypeNames: Object.fromEntries(
      [
        row as unknown as ContentType,
        ...childModels,
        ...lookups.flatMap((lookup) => [lookup, ...(lookup.child_models ?? [])]),
      ].map((type) => [String(type.content_type_id), `${type.app_label}.${type.model}`]),
    ),
    keyColumn: row.key_column as string,
    trackedColumns: row.tracked_columns as string[],
    skipUntracked: row.skip_untracked as boolean,
    foreignKeys: row.foreign_keys as ViewSource['foreignKeys'],
    datetimeColumns: row.datetime_columns as string[],
    nullDefaults: row.null_defaults as ViewSource['nullDefaults'],
    unrepresentable: row.unrepresentable as ViewSource['unrepresentable'],
    nullArrays: row.null_arrays as ViewSource['nullArrays'],
    omittedColumns: row.omitted_columns as string[] | null,
    loadType: row.load_type as ViewSource['loadType'],
    partition:
      partitionColumn === null
        ? null
        : {
            column: partitionColumn,
            granularity: row.partition_granularity as NonNullable<ViewSource['partition']>['granularity'],
          },
    clusterColumns: row.cluster_columns as string[],
    reportColumn: row.report_column as string,
    recheckSeconds: row.recheck_seconds as number,
    maxDeletedShare: row.max_deleted_share as number,
    lookups: lookups.map(lookupFrom),
    viewChanges: row.view_changes as ViewSource['viewChanges'],
    columnChanges: row.column_changes as ViewSource['columnChanges'],
    ignoredDependencies: row.ignored_dependencies as string[],
    enabled: row.enabled as boolean,
    paused: row.paused as boolean,
    haltedReason: row.halted_reason as string | null,
    resyncBySystem: row.resync_by_system as boolean,
    resyncRequestedAt,
    acceptsDeletes:
      resyncRequestedAt !== null &&
      (row.deletes_accepted_for as Date | null)?.getTime() === resyncRequestedAt.getTime(),
    resyncAdvice: row.resync_advised_reason as string | null,
    warehouseFingerprint: row.warehouse_fingerprint as string | null,
    knownColumns: row.known_columns as string[],
  };
}
