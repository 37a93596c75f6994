import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { inTransaction, type Queryable } from '../postgres/transaction.ts';

/** The right to work on one view, until it expires by the control database's clock or is taken over. */
export type Lease = { view: string; token: string; seconds: number };

/** Takes the view's lease, or returns null while somebody else holds it. */
export async function acquireLease(pool: pg.Pool, view: string, seconds: number): Promise<Lease | null> {
  const token = randomUUID();
  const taken = await inTransaction(pool, 'control', 'begin', (client) =>
    client.query(
      `insert into etl.lease as held (name, token, holder, expires_at)
       values ($1, $2, $3, now() + $4 * interval '1 second')
       on conflict (name) do update
         set token = excluded.token, holder = excluded.holder, expires_at = excluded.expires_at
         where held.expires_at < now()
       returning token`,
      [view, token, `${hostname()}:${process.pid}`, seconds],
    ),
  );
  return taken.rowCount === 1 ? { view, token, seconds } : null;
}

/** Puts the expiry off; throws `superseded` when another process has taken the lease. Safe to repeat. */
export async function renewLease(pool: pg.Pool, lease: Lease): Promise<void> {
  const renewed = await inTransaction(pool, 'control', 'begin', (client) =>
    client.query(
      `update etl.lease set expires_at = now() + $3 * interval '1 second' where name = $1 and token = $2`,
      [lease.view, lease.token, lease.seconds],
    ),
  );
  if (renewed.rowCount !== 1) throw superseded(lease);
}

/** Gives the lease back; nothing happens when it is no longer ours. */
export async function releaseLease(client: Queryable, lease: Lease): Promise<void> {
  await client.query('delete from etl.lease where name = $1 and token = $2', [lease.view, lease.token]);
}

/**
 * Within a control transaction: throws `superseded` unless the lease is still ours, and keeps it so until the transaction
 * ends. An expired lease that nobody took is still ours.
 */
export async function assertLeaseHeld(client: Queryable, lease: Lease): Promise<void> {
  const held = await client.query('select from etl.lease where name = $1 and token = $2 for update', [
    lease.view,
    lease.token,
  ]);
  if (held.rowCount !== 1) throw superseded(lease);
}

export function superseded(lease: Lease): DataHubError {
  return new DataHubError('superseded', `another run holds view ${lease.view} now`, {
    context: { view: lease.view },
  });
}

/**
 * Runs `work` while a heartbeat keeps the lease; afterwards the lease is given back, however `work` ended. When the
 * lease is lost the signal aborts with the reason; what does not heed it meets the loss at its next change of state. After
 * `limitMs` it aborts too, and the heart stops: what hangs must not keep the view from others for ever.
 */
export async function withLease<T>(
  pool: pg.Pool,
  lease: Lease,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const heartbeat = setInterval(
    () => {
      renewLease(pool, lease).catch((error: unknown) => {
        // A control database that cannot be reached for a moment is no reason to stop: the next beat may reach it.
        if (error instanceof DataHubError && error.kind === 'superseded') lost.abort(error);
      });
    },
    (lease.seconds * 1000) / 3,
  );
  const limit = setTimeout(() => {
    clearInterval(heartbeat);
    lost.abort(
      new DataHubError('transient', `view ${lease.view} was held until the time limit`, {
        context: { view: lease.view },
      }),
    );
  }, limitMs);
  try {
    return await work(lost.signal);
  } finally {
    clearTimeout(limit);
    clearInterval(heartbeat);
    // Not given back: it expires by itself.
    await inTransaction(pool, 'control', 'begin', (client) => releaseLease(client, lease)).catch(
      () => undefined,
    );
  }
}
