import type pg from 'pg';
import { IN_FLIGHT } from '../model/batch-states.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import { OVER_BUDGET } from './job-usage.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';

/** A change of a view that extract has found, or that an operator made (etl.schema_change). */
export type SchemaChange = {
  /**
   * The server writes definitions in another way; the definition of the view, its columns, or the settings under which it computes are others;
   * or an import changed its view source. Or an operator purged its target, or its target belonged to another installation. Or the change log is
   * another one, or asks for a resync.
   */
  kind: 'server' | 'replaced' | 'columns' | 'settings' | 'configuration' | 'purge' | 'installation' | 'log';
  action:
    | 'recorded'
    | 'resync'
    | 'halt'
    | 'evolved'
    | 'new target'
    | 'rewrite'
    | 'requested'
    | 'purged'
    | 'taken over';
  /** What has changed, for an operator: names, types and fingerprints. */
  details: Record<string, unknown>;
};

/** How many views may be resynced at a time because their definitions have changed. An operator's request is not limited. */
export const MAX_SYSTEM_RESYNCS = 2;

/** How long a view may be missing in the source before it is halted. */
export const MISSING_SECONDS = 600;

/** The changes of views, and the resyncs that the system requests because of them. */
export function createSchemaChanges(pool: pg.Pool) {
  return {
    /** Records a change, unless an earlier attempt recorded it and nothing else since. Throws `superseded` when the lease is lost. */
    async record(lease: Lease, change: SchemaChange): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        if (await isRecorded(client, lease.view, change)) return;
        await insertChange(client, lease.view, change);
      });
    },

    /**
     * Records a change and makes the next batch of the view carry all its rows, in one transaction. A request of an operator that is there
     * already stays his. Throws `superseded` when the lease is lost.
     */
    async requestResync(lease: Lease, change: SchemaChange): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await insertChange(client, lease.view, change);
        // The view was just read.
        await client.query('update etl.view_source set missing_since = null where name = $1', [lease.view]);
        await client.query(
          `update etl.view_source
           set resync_requested_at = date_trunc('milliseconds', clock_timestamp()), resync_by_system = true
           where name = $1 and resync_requested_at is null`,
          [lease.view],
        );
      });
    },

    /**
     * Records a new clustering of the target, whose rows must be rewritten once. Returns the name of that job, which stays recorded until
     * `endRewrite`. Throws `superseded` when the lease is lost.
     */
    async requestRewrite(lease: Lease, details: SchemaChange['details']): Promise<string> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        await insertChange(client, lease.view, { kind: 'configuration', action: 'rewrite', details });
        const { rows } = await client.query(
          'update etl.view_source set rewrite_id = gen_random_uuid() where name = $1 returning rewrite_id',
          [lease.view],
        );
        return rows[0].rewrite_id as string;
      });
    },

    /** Records that all rows of the target follow its clustering. Throws `superseded` when the lease is lost. */
    async endRewrite(lease: Lease): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('update etl.view_source set rewrite_id = null where name = $1', [lease.view]);
      });
    },

    /** Whether the view must wait before the resync that the system requested for it, since enough others are being resynced. */
    async mustWait(view: string): Promise<boolean> {
      const { rows } = await inStatement(pool, 'control', RUNNING_RESYNCS, [view]);
      return (rows[0].running as number) >= MAX_SYSTEM_RESYNCS;
    },

    /** For how many seconds the source has had no such view, 0 if that is not noted. */
    async missingSeconds(view: string): Promise<number> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select coalesce(extract(epoch from now() - missing_since), 0)::float8 as seconds from etl.view_source where name = $1`,
        [view],
      );
      return (rows[0]?.seconds as number | undefined) ?? 0;
    },

    /** Notes that the source has no such view, and returns for how many seconds that has been so. */
    async noteMissing(lease: Lease): Promise<number> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        const { rows } = await client.query(
          `update etl.view_source set missing_since = coalesce(missing_since, now()) where name = $1
           returning extract(epoch from now() - missing_since)::float8 as seconds`,
          [lease.view],
        );
        return rows[0].seconds as number;
      });
    },
  };
}

/** The states of batches in flight as a list of SQL. */
const IN_FLIGHT_LIST = IN_FLIGHT.map((state) => `'${state}'`).join(', ');

/**
 * The number of other views than view source `own` that are being resynced because the system requested it. A view that is stopped keeps no
 * other waiting: its batch may stay in flight for days.
 */
const RUNNING = `(
  select count(*)::int4 from etl.etl_transaction t join etl.view_source v on v.name = t.view_name
  where v.name <> own.name and v.resync_by_system and t.is_complete and t.state in (${IN_FLIGHT_LIST})
    and v.enabled and not v.paused and v.halted_reason is null and not ${OVER_BUDGET})`;

/** Parameter: the view. */
export const RUNNING_RESYNCS = `select ${RUNNING} as running from (select $1::text as name) own`;

/** The condition that view source `own` waits with its resync until others have ended. */
export const WAITS_FOR_RESYNCS = `(own.resync_requested_at is not null and own.resync_by_system
  and not exists (select from etl.etl_transaction t where t.view_name = own.name and t.state in (${IN_FLIGHT_LIST}))
  and ${RUNNING} >= ${MAX_SYSTEM_RESYNCS})`;

/** Whether the newest change of the view is this one. */
async function isRecorded(client: Queryable, view: string, change: SchemaChange): Promise<boolean> {
  const { rows } = await client.query(
    `select (kind, action, details) = ($2, $3, $4::jsonb) as "isSame"
     from etl.schema_change where view_name = $1 order by id desc limit 1`,
    [view, change.kind, change.action, JSON.stringify(change.details)],
  );
  return rows[0]?.isSame === true;
}

/** Within a control transaction: records a change, and returns its id. */
export async function insertChange(
  client: Queryable,
  view: string,
  { kind, action, details }: SchemaChange,
): Promise<bigint> {
  const { rows } = await client.query(
    'insert into etl.schema_change (view_name, kind, action, details) values ($1, $2, $3, $4) returning id',
    [view, kind, action, JSON.stringify(details)],
  );
  return rows[0].id as bigint;
}
