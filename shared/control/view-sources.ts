import { createHash } from 'node:crypto';
import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { type FieldChange, needsResync } from '../model/source-changes.ts';
import type { ViewSource } from '../model/view-source.ts';
import { inStatement, inTransaction, onConnection, type Queryable } from '../postgres/transaction.ts';
import { assertImportable, changesOf } from './assert-importable.ts';
import { lockConfiguration } from './configuration-lock.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';
import { insertChange } from './schema-changes.ts';
import { SELECT_ENTRIES, type StoredEntry, storedEntry } from './stored-entry.ts';
import { fromRow, type ResolvedEntry } from './view-source-row.ts';

const SELECT = 'select * from etl.view_source';

/** The configured view sources (etl.view_source). */
export function createViewSources(pool: pg.Pool) {
  return {
    /** One view source. Throws `invalid_event` when the configuration has none with that name. */
    get: (view: string): Promise<ViewSource> =>
      onConnection(pool, 'control', (client) => readViewSource(client, view)),

    /** All view sources, ordered by name. */
    list: (): Promise<ViewSource[]> => onConnection(pool, 'control', readViewSources),

    /** All view sources as the configuration file writes them, ordered by name. */
    async entries(): Promise<StoredEntry[]> {
      const { rows } = await inStatement(pool, 'control', `${SELECT_ENTRIES} order by name`, []);
      return rows.map(storedEntry);
    },

    /** Identifies what is stored under these names, or that nothing is. */
    async fingerprint(names: readonly string[]): Promise<string> {
      return await inTransaction(
        pool,
        'control',
        'begin read only',
        async (client) => await fingerprintOf(client, names),
      );
    },

    /** The freshness of every enabled view, ordered by name, by the control database's clock. */
    async freshness(): Promise<Freshness[]> {
      const { rows } = await inStatement(
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
     * locked field or take another view's target, and `superseded` when `fingerprint` is not what was `seen` of them. Returns the changes of
     * views that have batches.
     */
    async import(
      entries: ResolvedEntry[],
      moved: ReadonlySet<string> = new Set(),
      seen?: string,
    ): Promise<ViewChange[]> {
      return await inTransaction(pool, 'control', 'begin', async (client) => {
        await lockConfiguration(client);
        if (seen !== undefined && seen !== (await fingerprintOf(client, namesOf(entries)))) {
          throw changedMeanwhile(namesOf(entries));
        }
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
          const row = await assertImportable(client, entry);
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
      await inLeasedTransaction(pool, lease, async (client) => {
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

/** One view source. Throws `invalid_event` when the configuration has none with that name. */
export async function readViewSource(client: Queryable, view: string): Promise<ViewSource> {
  const { rows } = await client.query(`${SELECT} where name = $1`, [view]);
  if (rows[0] !== undefined) return fromRow(rows[0]);
  const known = (await readViewSources(client)).map((source) => source.name);
  throw new DataHubError('invalid_event', `no view source is named ${JSON.stringify(view)}`, {
    advice:
      known.length > 0
        ? `The configuration has: ${known.join(', ')}.`
        : 'Import a configuration first: docs/configuration.md.',
  });
}

async function readViewSources(client: Queryable): Promise<ViewSource[]> {
  const { rows } = await client.query(`${SELECT} order by name`);
  return rows.map(fromRow);
}

const namesOf = (entries: readonly ResolvedEntry[]): string[] => entries.map(({ name }) => name);

async function fingerprintOf(client: Queryable, names: readonly string[]): Promise<string> {
  const { rows } = await client.query(`${SELECT_ENTRIES} where name = any ($1) order by name`, [names]);
  const entries = rows.map((row) => storedEntry(row).entry);
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex');
}

const changedMeanwhile = (names: readonly string[]): DataHubError =>
  new DataHubError(
    'superseded',
    `somebody has changed ${names.length === 1 ? `view source ${names[0]}` : `one of the view sources ${names.join(', ')}`} since you looked at it`,
    {
      advice:
        'Nothing was stored. Look at what is stored now, then decide again. The audit says who changed it.',
    },
  );

/** How far an enabled view may be behind its source. */
export type Freshness = {
  view: string;
  /** Since the start of the last capture that was applied or found nothing to do; since the import when there was none. */
  behindSeconds: number;
};

/** What a changed field means for a view that has batches. */
export type ViewChange = { view: string } & FieldChange;

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
