import type { Queryable } from '../postgres/transaction.ts';

/** A running transaction of the source. `pid` is null for a prepared one; `state` and `ageSeconds` are, unless the role has pg_read_all_stats. */
export type OldestTransaction = {
  pid: number | null;
  /** How many transactions have begun since. */
  ageTransactions: number;
  state: string | null;
  ageSeconds: number | null;
};

/** The oldest running transaction that may write; null if there is none. Every role sees its pid and its age in transactions (pg_locks). */
export async function readOldestTransaction(client: Queryable): Promise<OldestTransaction | null> {
  const { rows } = await client.query(
    `select l.pid, age(l.transactionid) as "ageTransactions", a.state,
       extract(epoch from clock_timestamp() - a.xact_start)::int as "ageSeconds"
     from pg_locks l left join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted
     order by age(l.transactionid) desc limit 1`,
  );
  return (rows[0] as OldestTransaction | undefined) ?? null;
}
