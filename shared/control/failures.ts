import type pg from 'pg';
import type { DataHubError } from '../errors.ts';
import { IN_FLIGHT } from '../model/batch-states.ts';
import { inTransaction, type Queryable } from '../postgres/transaction.ts';
import { assertLeaseHeld, type Lease } from './leases.ts';

const LETTERS_AT_ONCE = 100;
/** Longer than publishing can take, with its tries. */
const CLAIM_SECONDS = 300;

export type Failure = { functionName: string; error: DataHubError; event: unknown };

/** A failure whose event is set aside, as it was written down. */
export type DeadLetter = {
  functionName: string;
  /** The event's JSON; what was no JSON, as text. */
  event: unknown;
  kind: string;
  message: string;
  advice: string;
  view?: string;
  etlTransactionId?: string;
  column?: string;
  code?: string;
};

/** Writes the failure down; `message` and `advice` are what an operator reads. Its dead letter is due from then on. */
export async function recordFailure(pool: pg.Pool, failure: Failure): Promise<void> {
  await inTransaction(pool, 'control', 'begin', (client) =>
    insertFailure(client, failure, { isLetterDue: true }),
  );
}

/**
 * Publishes the dead letters that are due, by `publish`, and remembers that they are. Those that another process is publishing are
 * left to it; one is published twice only by a process that ends between the two. Returns why some could not be: they are due again
 * after a while.
 */
export async function publishPendingDeadLetters(
  pool: pg.Pool,
  publish: (letter: DeadLetter) => Promise<void>,
): Promise<unknown[]> {
  const rows = await claimDueLetters(pool);
  const published = await Promise.allSettled(rows.map((row) => publish(letterOf(row))));
  const ids = rows.filter((_, i) => published[i]?.status === 'fulfilled').map((row) => row.id);
  if (ids.length > 0) {
    await inTransaction(pool, 'control', 'begin', (client) =>
      client.query('update etl.etl_error set dead_letter_due_at = null where id = any($1::bigint[])', [ids]),
    );
  }
  return published.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
}

/** Puts them off, so that nobody else publishes them meanwhile. */
async function claimDueLetters(pool: pg.Pool): Promise<Record<string, unknown>[]> {
  const { rows } = await inTransaction(pool, 'control', 'begin', (client) =>
    client.query(
      `update etl.etl_error set dead_letter_due_at = now() + $1 * interval '1 second'
       where id in (
         select id from etl.etl_error where dead_letter_due_at <= now() order by dead_letter_due_at, id limit $2
         for update skip locked)
       returning *`,
      [CLAIM_SECONDS, LETTERS_AT_ONCE],
    ),
  );
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Writes the failure down, or, where one of this function, view, kind and code is not resolved yet, what it was last: for what is met
 * again at every try.
 */
export async function recordFailureOnce(pool: pg.Pool, failure: Failure): Promise<void> {
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
    if (known.rowCount === 0) await insertFailure(client, failure, { isLetterDue: false });
  });
}

/** Within a control transaction: a right that was missing is there again, since the view was worked on. */
export async function resolveMissingRights(client: Queryable, view: string): Promise<void> {
  await client.query(
    `update etl.etl_error set resolved_at = now() where view_name = $1 and kind = 'unauthorized' and resolved_at is null`,
    [view],
  );
}

/** A tick, which is of no view, was carried out whole: the rights that those before lacked are there again. */
export async function resolveRightsOfTicks(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, 'control', 'begin', (client) =>
    client.query(
      `update etl.etl_error set resolved_at = now()
       where function_name = 'extract' and view_name is null and kind = 'unauthorized' and resolved_at is null`,
    ),
  );
}

/**
 * Writes the failure down, whose dead letter is due then, fails the batch that the lease owns and stops the view, all in one transaction. Answers
 * the failed batch's number, or null when none was in flight. Throws `superseded` when the lease is lost: whoever holds the view now
 * meets the failure itself, if it is still there.
 */
export async function haltView(pool: pg.Pool, lease: Lease, failure: Failure): Promise<bigint | null> {
  return await inTransaction(pool, 'control', 'begin', async (client) => {
    await assertLeaseHeld(client, lease);
    const { rows } = await client.query<{ id: bigint }>(
      `update etl.etl_transaction set state = 'failed', ended_at = now(), error = $2
       where view_name = $1 and state = any($3) returning id`,
      [lease.view, storable(failure.error.message), IN_FLIGHT],
    );
    const failed = rows[0]?.id ?? null;
    const error = failed === null ? failure.error : failure.error.within({ etlTransactionId: failed });
    await insertFailure(client, { ...failure, error }, { isLetterDue: true });
    await client.query(
      'update etl.view_source set halted_at = coalesce(halted_at, now()), halted_reason = $2 where name = $1',
      [lease.view, storable(failure.error.message)],
    );
    return failed;
  });
}

async function insertFailure(
  client: pg.PoolClient,
  { functionName, error, event }: Failure,
  { isLetterDue }: { isLetterDue: boolean },
): Promise<void> {
  await client.query(
    `insert into etl.etl_error
       (function_name, view_name, etl_transaction_id, kind, code, message, advice, event, column_name, dead_letter_due_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then now() end)`,
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

/** What a stranger sent must be recorded whatever it is, or it would be delivered again and again. */
function asText(event: unknown): string {
  try {
    return JSON.stringify(event);
  } catch (error) {
    return `not to be written as JSON: ${(error as Error).message}`;
  }
}

/** PostgreSQL's text holds no NUL character. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u{fffd}');
}
