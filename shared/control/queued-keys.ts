import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { inStatement, inTransaction, type Queryable } from '../postgres/transaction.ts';

export type QueuedKind = 'repair' | 'backfill';
export type QueuedKeys = { ids: bigint[]; keys: string[]; kind: QueuedKind | null };

/** Keys that the next batches of a view fetch, whatever the log says. */
export function createQueuedKeys(pool: pg.Pool) {
  return {
    /** Queues keys to be fetched whatever the log says. They stay queued until a batch that takes them is applied. */
    async add(view: string, keys: string[], kind: QueuedKind): Promise<void> {
      await inStatement(
        pool,
        'control',
        'insert into etl.queued_key (view_name, key, kind) select $1, key, $3 from unnest($2::text[]) key',
        [view, keys, kind],
      );
    },

    /** Queues the keys in `lines` (text, one per line, as COPY writes them) to be fetched again after `seconds`. */
    async addRechecks(view: string, seconds: number, lines: Readable): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        // COPY fills in the keys; the other columns are the same for all of them.
        await client.query('create temporary table recheck (key text not null) on commit drop');
        await pipeline(lines, client.query(copyFrom('copy recheck (key) from stdin')));
        await client.query(
          `insert into etl.queued_key (view_name, key, kind, due_at)
           select $1, key, 'repair', now() + $2 * interval '1 second' from recheck`,
          [view, seconds],
        );
      });
    },

    /** All queued keys, due or not and taken by a batch or not, at most `limit`. */
    async all(view: string, limit: number): Promise<string[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        'select distinct key from etl.queued_key where view_name = $1 limit $2',
        [view, limit],
      );
      return rows.map((row) => row.key as string);
    },

    /** The keys that are due and that no batch has taken, oldest first, at most `limit`. */
    async due(view: string, limit: number): Promise<QueuedKeys> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select id, key, kind from etl.queued_key
         where view_name = $1 and due_at <= now() and etl_transaction_id is null order by due_at, id limit $2`,
        [view, limit],
      );
      return {
        ids: rows.map((row) => row.id as bigint),
        keys: rows.map((row) => row.key as string),
        kind: (rows[0]?.kind as QueuedKind | undefined) ?? null,
      };
    },
  };
}

/** Within a control transaction: lets another batch take the keys that this one took. */
export async function releaseKeys(client: Queryable, id: bigint): Promise<void> {
  await client.query('update etl.queued_key set etl_transaction_id = null where etl_transaction_id = $1', [
    id,
  ]);
}
