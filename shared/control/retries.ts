import type pg from 'pg';
import type { DataHubError } from '../errors.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import type { Lease } from './leases.ts';

/** Pub/Sub waits between deliveries of a failed event: https://cloud.google.com/eventarc/docs/retry-events */
const FIRST_WAIT_SECONDS = 10;
const LAST_WAIT_SECONDS = 600;

/** A failed attempt to work on a view. `isByHand`: nobody delivers the event again. */
export type FailedAttempt = { functionName: string; error: DataHubError; isByHand: boolean };

/** Views whose last attempt failed and will be repeated (etl.view_retry). */
export function createRetries(pool: pg.Pool) {
  return {
    /** Records that the work under this lease failed and when it is tried again. Does nothing when the lease is lost. */
    async record(lease: Lease, { functionName, error, isByHand }: FailedAttempt): Promise<void> {
      await inStatement(
        pool,
        'control',
        `insert into etl.view_retry as old
             (view_name, function_name, kind, message, advice, next_attempt_at)
           select $1, $3, $4, $5, $6, case when not $7 then now() + $8 * interval '1 second' end
           where exists (select from etl.lease where name = $1 and token = $2)
           on conflict (view_name) do update set
             function_name = excluded.function_name, kind = excluded.kind, message = excluded.message, advice = excluded.advice,
             attempts = old.attempts + 1, last_attempt_at = now(),
             next_attempt_at = case
               when not $7 then now() + least($9, $8 * 2 ^ least(old.attempts, 10)) * interval '1 second'
               when old.next_attempt_at > now() then old.next_attempt_at end`,
        [
          lease.view,
          lease.token,
          functionName,
          error.kind,
          error.message.replaceAll('\0', '\u{fffd}'),
          error.advice,
          isByHand,
          FIRST_WAIT_SECONDS,
          LAST_WAIT_SECONDS,
        ],
      );
    },
  };
}

/** Within a control transaction: the view is not being retried any more, or not by this function. */
export async function endRetries(client: Queryable, view: string, functionName?: string): Promise<void> {
  await client.query(
    'delete from etl.view_retry where view_name = $1 and (function_name = $2 or $2 is null)',
    [view, functionName ?? null],
  );
}
