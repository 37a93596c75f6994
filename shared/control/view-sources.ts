import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import {
  changedFields,
  type FieldChange,
  needsResync,
  type SourceFields,
  targetChanges,
} from '../model/source-changes.ts';
import type { ViewSource } from '../model/view-source.ts';
import { inTransaction, type Queryable, readOnly } from '../postgres/transaction.ts';
import { lockConfiguration } from './configuration-lock.ts';
import { assertLeaseHeld, type Lease } from './leases.ts';
import { targetConflict } from './load-type.ts';
import { insertChange } from './schema-changes.ts';
import { fromRow, type ResolvedEntry } from './view-source-row.ts';

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
     * halted, counters). Requests a resync of each view whose rows a changed field may have made wrong. `moved` names the views whose main table
     * or model may change, since the caller knows that the new one holds the same rows. Throws `configuration` when an entry would change a
     * locked field or take another view's target. Returns the changes of views that have batches.
     */
    async import(entries: ResolvedEntry[], moved: ReadonlySet<string> = new Set()): Promise<ViewChange[]> {
      return await inTransaction(pool, 'control', 'begin', async (client) => {
        await lockConfiguration(client);
        const changes: ViewChange[] = [];
        for (const entry of entries) {
          const changed = await changesOf(client, entry, moved);
          const columns = Object.keys(entry);
          await client.query(
            `insert into etl.view_source (${columns.join(', ')})
             select ${columns.join(', ')} from jsonb_populate_record(null::etl.view_source, $1)
             on conflict (name) do update set imported_at = now(),
               ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
            [JSON.stringify(entry)],
          );
          await followChanges(client, entry.name, changed);
          changes.push(...changed.map((change) => ({ view: entry.name, ...change })));
        }
        return changes;
      });
    },

    /**
     * Throws the `configuration` error that `import` would throw, but for another main table or model; changes nothing. Returns those of the
     * view sources, as they are stored, that have fed their targets.
     */
    async assertImportable(entries: ResolvedEntry[]): Promise<ViewSource[]> {
      return await inTransaction(pool, 'control', 'begin read only', async (client) => {
        const fed: ViewSource[] = [];
        for (const entry of entries) {
          const row = await assertImportable(client, entry, LOCKED);
          if (row !== null) fed.push(fromRow(row));
        }
        return fed;
      });
    },

    /** Returns the changes that `import` would return, or throws the `configuration` error that it would throw; changes nothing. */
    async previewImport(entries: ResolvedEntry[], moved: ReadonlySet<string>): Promise<ViewChange[]> {
      return await inTransaction(pool, 'control', 'begin read only', async (client) => {
        const changes: ViewChange[] = [];
        for (const entry of entries) {
          const changed = await changesOf(client, entry, moved);
          changes.push(...changed.map((change) => ({ view: entry.name, ...change })));
        }
        return changes;
      });
    },

    /**
     * Records which warehouse objects were last created for the view, its columns and their policy tags; null makes the next extract check the
     * objects again. Throws `superseded` when the lease is lost.
     */
    async setWarehouseFingerprint(
      lease: Lease,
      fingerprint: string | null,
      {
        columns,
        unfilled,
        policyTags,
      }: { columns: string[]; unfilled: string[]; policyTags: Readonly<Record<string, string>> },
    ): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await assertLeaseHeld(client, lease);
        await client.query(
          `update etl.view_source set warehouse_fingerprint = $2, target_checked_at = now(), unfilled_columns = $4, applied_policy_tags = $5,
             known_columns = array(select distinct unnest(known_columns || $3::text[]) order by 1)
           where name = $1`,
          [lease.view, fingerprint, columns, unfilled, JSON.stringify(policyTags)],
        );
      });
    },
  };
}

/** How far an enabled view may be behind its source. */
export type Freshness = {
  view: string;
  /** Since the start of the last capture that was applied or found nothing to do; since the import when there was none. */
  behindSeconds: number;
};

/** What a changed field means for a view that has batches. */
export type ViewChange = { view: string } & FieldChange;

/** Fields that are locked once the view has fed its target: another value would merge other rows over it (I11). */
const LOCKED = ['load_type', 'key_column', 'target_name'] as const;

/** Fields that may only change where the new table holds the same rows. */
const MOVABLE = ['main_table', 'app_label', 'model'] as const;

type Fields = Record<string, unknown>;

/** Throws `configuration` for an entry that cannot be imported. Returns the stored row of a view that has fed its target; otherwise null. */
async function assertImportable(
  client: Queryable,
  entry: ResolvedEntry,
  locked: readonly (keyof ResolvedEntry)[],
): Promise<Fields | null> {
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
  if (why !== null) throw notImportable(entry.name, [`cannot have its target: ${why}`], ADVICE.target);
  for (const present of rows) {
    const faults =
      present.name === entry.name
        ? lockedChanges(locked, present, entry)
        : [`cannot have target ${entry.target_name}: that target belongs to view ${present.name}`];
    if (faults.length === 0) continue;
    throw notImportable(entry.name, faults, adviceOn(present, entry));
  }
  return rows.find(({ name, was_fed }) => name === entry.name && was_fed) ?? null;
}

const lockedChanges = (
  fields: readonly (keyof ResolvedEntry)[],
  present: Fields,
  entry: ResolvedEntry,
): string[] =>
  fields
    .filter((field) => present.was_fed && present[field] !== entry[field])
    .map(
      (field) => `has batches with ${field} ${present[field]}; an import cannot change it to ${entry[field]}`,
    );

/** Throws `configuration` for an entry that cannot be imported. Returns what its changed fields mean, if the view has batches. */
async function changesOf(
  client: Queryable,
  entry: ResolvedEntry,
  moved: ReadonlySet<string>,
): Promise<FieldChange[]> {
  const locked = moved.has(entry.name) ? LOCKED : [...LOCKED, ...MOVABLE];
  const present = await assertImportable(client, entry, locked);
  if (present === null) return [];
  const before = present as SourceFields;
  const frozen = targetChanges(before, entry, present.known_columns as string[]);
  if (frozen.length > 0 && entry.column_changes === 'freeze') throw frozenTarget(entry.name, frozen);
  return changedFields(before, entry);
}

/** Within a control transaction: requests a resync for changes that need one. After any other change, the next extract makes the objects of the view anew. */
async function followChanges(client: Queryable, view: string, changes: FieldChange[]): Promise<void> {
  if (changes.length === 0) return;
  const action = needsResync(changes) ? 'resync' : 'evolved';
  await insertChange(client, view, { kind: 'configuration', action, details: { changes } });
  await client.query('update etl.view_source set warehouse_fingerprint = null where name = $1', [view]);
  if (action === 'evolved') return;
  // A new time, since a batch that carries an earlier request may be in flight with the former configuration. An operator's request stays his.
  await client.query(
    `update etl.view_source
     set resync_requested_at = request.at,
       deletes_accepted_for = case when deletes_accepted_for = resync_requested_at then request.at end,
       resync_by_system = resync_by_system or resync_requested_at is null
     from (select date_trunc('milliseconds', clock_timestamp()) as at) request
     where name = $1`,
    [view],
  );
}

function frozenTarget(view: string, fields: string[]): DataHubError {
  return new DataHubError(
    'configuration',
    `view ${view} has batches and its columns are frozen; a change of ${fields.join(', ')} changes its target`,
    {
      context: { view },
      advice: `Nothing was stored. Keep ${fields.join(', ')}, or import the view with "column_changes": "evolve": the target then follows, by a new table in its place where BigQuery cannot change it, and the view is loaded again (docs/changes.md#changed-configuration).`,
    },
  );
}

function notImportable(view: string, faults: string[], advice: string): DataHubError {
  return new DataHubError('configuration', `view ${view} ${faults.join('; ')}`, {
    context: { view },
    advice: `Nothing was stored. ${advice}`,
  });
}

const ADVICE = {
  target:
    'Choose another target_name: the view is then loaded into a new table. Or keep the former name of the view.',
  loadType:
    'Keep the load type, or change it with the loadType command (docs/changes.md#changing-the-load-type).',
};

function adviceOn(present: Fields, { name, load_type }: ResolvedEntry): string {
  if (present.name !== name) return ADVICE.target;
  if (present.load_type !== load_type) return ADVICE.loadType;
  const forget = JSON.stringify({ view: name, forget: true });
  return `Keep these fields. Or load the view into a new table: send ${forget}, confirm it, and import the view with another target_name. The old table stays.`;
}
