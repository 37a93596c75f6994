import type pg from 'pg';
import type { JobUsage } from '../model/job-usage.ts';
import { inStatement, onConnection, type Queryable } from '../postgres/transaction.ts';
import type { Lease } from './leases.ts';

/** SQL for this UTC day. */
export const TODAY = `(now() at time zone 'UTC')::date`;

/** The condition that view source `v` has used up its budget of this UTC day, and that nobody let it go on. */
export const OVER_BUDGET = `(v.daily_budget_bytes is not null and coalesce(v.daily_budget_bytes <= (
    select sum(u.bytes_billed) from etl.job_usage u
    where u.view_name = v.name and u.ended_at >= ${TODAY}::timestamp at time zone 'UTC'
  ) and v.cost_accepted_on is distinct from ${TODAY}, false))`;

/**
 * Within a control transaction: gives a new batch the jobs that prepared it, which ran under its lease before it had an id; their names end
 * with the token of the lease.
 */
export async function takeOverPreparation(client: Queryable, lease: Lease, batchId: bigint): Promise<void> {
  await client.query(
    `with own as (
       update etl.job_usage set etl_transaction_id = $1
       where view_name = $2 and etl_transaction_id is null and ended_at > now() - interval '1 day' and strpos(job_id, $3) > 0
       returning bytes_billed, slot_ms
     )
     update etl.etl_transaction t
     set bytes_billed = t.bytes_billed + s.bytes_billed, slot_ms = t.slot_ms + s.slot_ms
     from (select sum(bytes_billed)::int8 as bytes_billed, sum(slot_ms)::int8 as slot_ms from own having count(*) > 0) s
     where t.id = $1`,
    [batchId, lease.view, lease.token],
  );
}

/** Whether the view must wait for the next UTC day, by the control database's clock. */
export async function readOverBudget(client: Queryable, view: string): Promise<boolean> {
  const { rows } = await client.query(
    `select ${OVER_BUDGET} as over_budget from etl.view_source v where v.name = $1`,
    [view],
  );
  return rows[0]?.over_budget === true;
}

/** What the jobs of each view cost (etl.job_usage). */
export function createJobUsage(pool: pg.Pool) {
  return {
    /** Records a job on its view and its batch. Safe to repeat: a job counts once. */
    async record({ jobId, view, etlTransactionId, bytesBilled, slotMs, endedAt }: JobUsage): Promise<void> {
      await inStatement(
        pool,
        'control',
        `with recorded as (
             insert into etl.job_usage (job_id, view_name, etl_transaction_id, bytes_billed, slot_ms, ended_at)
             values ($1, $2, $3, $4, $5, $6) on conflict (job_id) do nothing returning *
           )
           update etl.etl_transaction t
           set bytes_billed = t.bytes_billed + r.bytes_billed, slot_ms = t.slot_ms + r.slot_ms
           from recorded r where t.id = r.etl_transaction_id and t.view_name = r.view_name`,
        [jobId, view, etlTransactionId, bytesBilled, slotMs, endedAt],
      );
    },

    /** What the jobs of a view with this part in their names have billed, of those that ended after a time. */
    async billedBy(view: string, namePart: string, since: Date): Promise<bigint> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select coalesce(sum(bytes_billed), 0)::int8 as bytes from etl.job_usage
         where view_name = $1 and strpos(job_id, $2) > 0 and ended_at > $3::timestamptz - interval '1 hour'`,
        [view, namePart, since],
      );
      return rows[0].bytes as bigint;
    },

    /** Whether the view must wait for the next UTC day, by the control database's clock. */
    isOverBudget: (view: string): Promise<boolean> =>
      onConnection(pool, 'control', (client) => readOverBudget(client, view)),

    /** Lets the view go on above its budget for the rest of this UTC day. Safe to repeat. */
    async acceptCost(view: string): Promise<void> {
      await inStatement(
        pool,
        'control',
        `update etl.view_source set cost_accepted_on = ${TODAY} where name = $1`,
        [view],
      );
    },
  };
}
