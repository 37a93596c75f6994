import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type pg from 'pg';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import { atOnce } from '../postgres/at-once.ts';
import { inStatement, inTransaction, onConnection, type Queryable } from '../postgres/transaction.ts';

/**
 * The right to work on one view, until it expires by the control database's clock or is taken over. It has the name of the view, or another one for
 * work that goes on beside its batches.
 */
export type Lease = { name: string; view: string; token: string; seconds: number };

/** The leases of views: each is held by one process at a time (I4). */
export function createLeases(pool: pg.Pool) {
  /** Extends the lease. Throws `superseded` when another process has taken it. Safe to repeat. */
  async function renew(lease: Lease): Promise<void> {
    const renewed = await inStatement(
      pool,
      'control',
      `update etl.lease set expires_at = now() + $3 * interval '1 second' where name = $1 and token = $2`,
      [lease.name, lease.token, lease.seconds],
    );
    if (renewed.rowCount !== 1) throw superseded(lease);
  }

  return {
    /** Takes the view's lease, or the one with the name, or returns null while another process holds it. */
    async acquire(view: string, seconds: number, name = view): Promise<Lease | null> {
      const token = randomUUID();
      const taken = await inStatement(
        pool,
        'control',
        `insert into etl.lease as held (name, token, holder, expires_at)
           values ($1, $2, $3, now() + $4 * interval '1 second')
           on conflict (name) do update
             set token = excluded.token, holder = excluded.holder, expires_at = excluded.expires_at, acquired_at = now()
             where held.expires_at < now()
           returning token`,
        [name, token, `${hostname()}:${process.pid}`, seconds],
      );
      return taken.rowCount === 1 ? { name, view, token, seconds } : null;
    },

    renew,

    /**
     * Runs `work` while a heartbeat keeps the lease, then releases it. When the lease is lost, the deadline's signal aborts with
     * `superseded`; work that ignores the signal fails at its next change of state. The heartbeat stops at the function's time limit:
     * work that hangs must not keep the view from others for ever.
     */
    async withLease<T>(lease: Lease, deadline: Deadline, work: () => Promise<T>): Promise<T> {
      let isOver = false;
      const heartbeat = setInterval(
        () => {
          renew(lease).catch((error: unknown) => {
            // A control database that is briefly unreachable is no reason to stop: the next heartbeat may reach it. One that comes after the release
            // finds no lease, while the deadline may serve work that goes on.
            if (!isOver && error instanceof DataHubError && error.kind === 'superseded')
              deadline.abort(error);
          });
        },
        (lease.seconds * 1000) / 3,
      );
      const stopHeartbeat = () => {
        isOver = true;
        clearInterval(heartbeat);
      };
      deadline.signal.addEventListener('abort', stopHeartbeat);
      try {
        return await work();
      } finally {
        stopHeartbeat();
        deadline.signal.removeEventListener('abort', stopHeartbeat);
        // A lease that cannot be released expires by itself.
        if (!released.has(lease)) {
          await onConnection(pool, 'control', (client) => releaseLease(client, lease)).catch(() => undefined);
        }
      }
    },
  };
}

/** Leases that a transaction of this process has released. */
const released = new WeakSet<Lease>();

/** Runs `work` in one transaction under the lease. Throws `superseded` when the lease is lost. */
export function inLeasedTransaction<T>(
  pool: pg.Pool,
  lease: Lease,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  // If the transaction does not begin, the lock ends with its statement.
  const begin = (client: pg.PoolClient) =>
    atOnce(client, () => [client.query('begin'), assertLeaseHeld(client, lease)]);
  return inTransaction(pool, 'control', begin, work);
}

/** The same for the last transaction under the lease: `work` releases it. */
export async function inLastTransaction<T>(
  pool: pg.Pool,
  lease: Lease,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const result = await inLeasedTransaction(pool, lease, work);
  released.add(lease);
  return result;
}

/** Releases the lease; does nothing when another process has taken it. */
export async function releaseLease(client: Queryable, lease: Lease): Promise<void> {
  await client.query('delete from etl.lease where name = $1 and token = $2', [lease.name, lease.token]);
}

/**
 * Within a control transaction: throws `superseded` when another process has taken the lease, and keeps others from taking it until the
 * transaction ends. A lease that has expired but that nobody took still counts as held.
 */
export async function assertLeaseHeld(client: Queryable, lease: Lease): Promise<void> {
  const held = await client.query('select from etl.lease where name = $1 and token = $2 for update', [
    lease.name,
    lease.token,
  ]);
  if (held.rowCount !== 1) throw superseded(lease);
}

export function superseded({ name, view }: Lease): DataHubError {
  const held = name === view ? `view ${view}` : name;
  return new DataHubError('superseded', `another run holds ${held} now`, { context: { view } });
}
