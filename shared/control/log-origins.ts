import type pg from 'pg';
import { type LogOrigin, logOriginFromJson, logOriginToJson } from '../model/log-origin.ts';
import { inStatement } from '../postgres/transaction.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';

/** Which change log each view was captured from last. */
export function createLogOrigins(pool: pg.Pool) {
  return {
    /** Returns null before the first capture. */
    async read(view: string): Promise<LogOrigin | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        'select log_origin from etl.view_source where name = $1',
        [view],
      );
      const found: unknown = rows[0]?.log_origin ?? null;
      return found === null ? null : logOriginFromJson(found);
    },

    /** Throws `superseded` when the lease is lost. */
    async record(lease: Lease, origin: LogOrigin): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('update etl.view_source set log_origin = $2 where name = $1', [
          lease.view,
          logOriginToJson(origin),
        ]);
      });
    },
  };
}
