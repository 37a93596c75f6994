import type pg from 'pg';
import { IN_FLIGHT } from '../model/batch-states.ts';
import { inTransaction, type Queryable, readOnly } from '../postgres/transaction.ts';
import { assertLeaseHeld, type Lease } from './leases.ts';

/** A change of a view that extract has found, or that an operator made (etl.schema_change). */
export type SchemaChange = {
  /**
   * The server writes definitions in another way; the definition of the view, its columns, or the settings under which it computes are others;
   * or an import changed its view source. Or an operator purged its target.
   */
  kind: 'server' | 'replaced' | 'columns' | 'settings' | 'configuration' | 'purge';
  action: 'recorded' | 'resync' | 'halt' | 'evolved' | 'new target' | 'rewrite' | 'requested' | 'purged';
  /** What has changed, for an operator: names, types and fingerprints. */
  details: Record<string, unknown>;
};

/** How many views may be resynced at a time because their definitions have changed. An operator's request is not limited. */
export const MAX_SYSTEM_RESYNCS = 2;

/** The changes of views, and the resyncs that the system requests because of them. */
export function createSchemaChanges(pool: pg.Pool) {
  return {
    /** Records a change. Throws `superseded` when the lease is lost. */
    async record(lease: Lease, change: SchemaChange): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await assertLeaseHeld(client, lease);
        await insertChange(client, lease.view, change);
      });
    },

    /**
     * Records a change and makes the next batch of the view carry all its rows, in one transaction. A request of an operator that is there
     * already stays his. Throws `superseded` when the lease is lost.
     */
    async requestResync(lease: Lease, change: SchemaChange): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await assertLeaseHeld(client, lease);
        await insertChange(client, lease.view, change);
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
      return await inTransaction(pool, 'control', 'begin', async (client) => {
        await assertLeaseHeld(client, lease);
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
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await assertLeaseHeld(client, lease);
        await client.query('update etl.view_source set rewrite_id = null where name = $1', [lease.view]);
      });
    },

    /** Whether the view must wait before the resync that the system requested for it, since enough others are being resynced. */
    async mustWait(view: string): Promise<boolean> {
      const { rows } = await readOnly(pool, 'control', RUNNING_RESYNCS, [view, IN_FLIGHT]);
      return (rows[0].running as number) >= MAX_SYSTEM_RESYNCS;
    },

    /** Notes that the source has no such view, and returns for how many seconds that has been so. */
    async noteMissing(lease: Lease): Promise<number> {
      return await inTransaction(pool, 'control', 'begin', async (client) => {
        await assertLeaseHeld(client, lease);
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

/** Parameters: the view, and the states of batches in flight. */
export const RUNNING_RESYNCS = `
  select count(*)::int4 as running from etl.etl_transaction t join etl.view_source v on v.name = t.view_name
  where v.name <> $1 and v.resync_by_system and t.is_complete and t.state = any($2)`;

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
