import type pg from 'pg';
import type { DataHubError } from '../errors.ts';
import { IN_FLIGHT } from '../model/batch-states.ts';
import { inStatement, inTransaction, type Queryable } from '../postgres/transaction.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';
import { endRetries } from './retries.ts';

const LETTERS_AT_ONCE = 100;
/** Longer than publishing can take, with all its retries. */
const CLAIM_SECONDS = 300;

export type Failure = { functionName: string; error: DataHubError; event: unknown };

/** A recorded failure whose event is dead-lettered. */
export type DeadLetter = {
  functionName: string;
  /** The event as JSON, or as text when it is not JSON. */
  event: unknown;
  kind: string;
  message: string;
  advice: string;
  view?: string;
  etlTransactionId?: string;
  column?: string;
  code?: string;
};

/** Recorded failures (etl.etl_error), which are the outbox of dead letters too (I8). */
export function createFailures(pool: pg.Pool) {
  return {
    /** Records the failure. Its dead letter is due at once. Operators read `message` and `advice`. */
    async record(failure: Failure): Promise<void> {
      await inTransaction(pool, 'control', 'begin', (client) =>
        insertFailure(client, failure, { isLetterDue: true, haltsView: false }),
      );
    },

    /**
     * Publishes the dead letters that are due and records that. Leaves out letters that another process is publishing. A letter is
     * published twice only when a process dies between publishing and recording. Returns the errors of letters that could not be
     * published; those are due again after a while.
     */
    async publishPending(publish: (letter: DeadLetter) => Promise<void>): Promise<unknown[]> {
      const rows = await claimDueDeadLetters(pool);
      const published = await Promise.allSettled(rows.map((row) => publish(letterOf(row))));
      const ids = rows.filter((_, i) => published[i]?.status === 'fulfilled').map((row) => row.id);
      if (ids.length > 0) {
        await inStatement(
          pool,
          'control',
          'update etl.etl_error set dead_letter_due_at = null where id = any($1::bigint[])',
          [ids],
        );
      }
      return published.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    },

    /**
     * Records a failure that repeats at every retry: updates the unresolved failure of the same function, view, kind and code, or
     * records a new one.
     */
    async recordOnce(failure: Failure): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        const { functionName, error } = failure;
        const known = await client.query(
          `update etl.etl_error set message = $5, occurred_at = now()
           where resolved_at is null and function_name = $1 and view_name is not distinct from $2 and kind = $3
             and code is not distinct from $4`,
          [
            functionName,
            error.context.view ?? null,
            error.kind,
            error.context.code ?? null,
            storable(error.message),
          ],
        );
        if (known.rowCount === 0) {
          await insertFailure(client, failure, { isLetterDue: false, haltsView: false });
        }
      });
    },

    /** Resolves missing rights of earlier fan-outs of a function, which belong to no view, after one that succeeded as a whole. */
    async resolveFanOutRights(functionName: 'extract' | 'reconcile'): Promise<void> {
      await inStatement(
        pool,
        'control',
        `update etl.etl_error set resolved_at = now()
           where function_name = $1 and view_name is null and kind = 'unauthorized' and resolved_at is null`,
        [functionName],
      );
    },

    /**
     * Records the failure with its dead letter, fails the batch in flight and halts the view, in one transaction. Returns the failed
     * batch's id, or null when none was in flight. Throws `superseded` when the lease is lost: the process that holds it now will meet the
     * failure itself, if it persists.
     */
    async haltView(lease: Lease, failure: Failure): Promise<bigint | null> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        const { rows } = await client.query<{ id: bigint }>(
          `update etl.etl_transaction set state = 'failed', ended_at = now(), error = $2
           where view_name = $1 and state = any($3)
             -- Slices that are copied are worth keeping while some are left: what stopped the next one may be mended.
             and not (state = 'extracting' and exists (
               select from etl.copied_slice where etl_transaction_id = etl_transaction.id and copied_at is null))
           returning id`,
          [lease.view, storable(failure.error.message), IN_FLIGHT],
        );
        const failed = rows[0]?.id ?? null;
        const error =
          failed === null ? failure.error : failure.error.withContext({ etlTransactionId: failed });
        await insertFailure(client, { ...failure, error }, { isLetterDue: true, haltsView: true });
        await client.query(
          'update etl.view_source set halted_at = coalesce(halted_at, now()), halted_reason = $2, halted_by = null where name = $1',
          [lease.view, storable(failure.error.message)],
        );
        await endRetries(client, lease.view);
        return failed;
      });
    },
  };
}

/** Postpones the letters, so that no other process publishes them meanwhile. */
async function claimDueDeadLetters(pool: pg.Pool): Promise<Record<string, unknown>[]> {
  const { rows } = await inStatement(
    pool,
    'control',
    `update etl.etl_error set dead_letter_due_at = now() + $1 * interval '1 second'
       where id in (
         select id from etl.etl_error where dead_letter_due_at <= now() order by dead_letter_due_at, id limit $2
         for update skip locked)
       returning *`,
    [CLAIM_SECONDS, LETTERS_AT_ONCE],
  );
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Within a control transaction: resolves the view's missing rights, since work on the view has succeeded. */
export async function resolveMissingRights(client: Queryable, view: string): Promise<void> {
  await client.query(
    `update etl.etl_error set resolved_at = now() where view_name = $1 and kind = 'unauthorized' and resolved_at is null`,
    [view],
  );
}

async function insertFailure(
  client: pg.PoolClient,
  { functionName, error, event }: Failure,
  { isLetterDue, haltsView }: { isLetterDue: boolean; haltsView: boolean },
): Promise<void> {
  await client.query(
    `insert into etl.etl_error
       (function_name, view_name, etl_transaction_id, kind, code, message, advice, event, column_name, dead_letter_due_at,
        halts_view)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then now() end, $11)`,
    [
      functionName,
      error.context.view ?? null,
      error.context.etlTransactionId ?? null,
      error.kind,
      error.context.code ?? null,
      storable(error.message),
      error.advice,
      event === undefined ? null : storable(asText(event)),
      error.context.column ?? null,
      isLetterDue,
      haltsView,
    ],
  );
}

function letterOf(row: Record<string, unknown>): DeadLetter {
  return {
    functionName: row.function_name as string,
    event: row.event === null ? null : fromText(row.event as string),
    kind: row.kind as string,
    message: row.message as string,
    advice: row.advice as string,
    ...(row.view_name !== null && { view: row.view_name as string }),
    ...(row.etl_transaction_id !== null && { etlTransactionId: String(row.etl_transaction_id) }),
    ...(row.column_name !== null && { column: row.column_name as string }),
    ...(row.code !== null && { code: row.code as string }),
  };
}

function fromText(event: string): unknown {
  try {
    return JSON.parse(event);
  } catch {
    return event;
  }
}

/** Any event must be recordable, whatever a stranger sent: Pub/Sub would deliver it again and again. */
function asText(event: unknown): string {
  try {
    return JSON.stringify(event);
  } catch (error) {
    return `cannot be written as JSON: ${(error as Error).message}`;
  }
}

/** PostgreSQL's text cannot hold NUL characters. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u{fffd}');
}
