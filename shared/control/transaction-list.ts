import type pg from 'pg';
import type { Kind } from '../model/batch.ts';
import { IN_FLIGHT, type State } from '../model/batch-states.ts';
import { inStatement } from '../postgres/transaction.ts';

/** Which ETL transactions to list. What is left out restricts nothing. */
export type TransactionFilter = {
  view?: string | undefined;
  state?: State | 'in flight' | undefined;
  kind?: Kind | undefined;
  /** Started at this time or later. */
  from?: Date | undefined;
  /** Started before this time. */
  until?: Date | undefined;
  /** What a check found right after the batch; most batches are not followed by one. */
  consistent?: 'yes' | 'no' | 'unknown' | undefined;
};

/** The place of a transaction in the list: the newest start first, and of equal starts the highest id. It never changes. */
export type ListPlace = { startedAtMicros: bigint; id: bigint };

/** A transaction of the list. 64-bit numbers are texts or bigints; counts are null before they are known. */
export type ListedTransaction = ListPlace & {
  view: string;
  kind: Kind;
  trigger: string;
  state: State;
  attempt: number;
  startedAt: Date;
  stagedAt: Date | null;
  appliedAt: Date | null;
  endedAt: Date | null;
  /** From its start until its end, or until now. */
  durationSeconds: number;
  logRows: bigint;
  badKeys: bigint;
  stagedUpserts: bigint | null;
  stagedDeletes: bigint | null;
  stagedBytes: bigint | null;
  stagedPrefix: string;
  added: bigint | null;
  changed: bigint | null;
  deleted: bigint | null;
  unchanged: bigint | null;
  bytesBilled: bigint;
  slotMs: bigint;
  sourceRows: bigint | null;
  targetRows: bigint | null;
  /** How late its oldest change arrived; null for a batch without log rows. */
  lagSeconds: number | null;
  isComplete: boolean;
  isConsistent: boolean | null;
  loadJobId: string | null;
  applyJobId: string | null;
  error: string | null;
};

/** The place behind the oldest transaction: the page of the newer ones is the last one. */
export const BEHIND_OLDEST: ListPlace = { startedAtMicros: 0n, id: 0n };

/** One page, the newest first. */
export type TransactionPage = { rows: ListedTransaction[]; hasNewer: boolean; hasOlder: boolean };

/** Where a page begins: behind a place, towards older or newer transactions. */
export type PageStart = { older: ListPlace } | { newer: ListPlace };

const CHUNK_ROWS = 5000;

/** SQL for the columns of a listed transaction, of etl.etl_transaction as `t`. */
export const LISTED_COLUMNS = `t.id, (extract(epoch from t.started_at) * 1000000)::int8 as "startedAtMicros", t.view_name as view, t.kind, t.trigger,
  t.state, t.attempt, t.started_at as "startedAt", t.staged_at as "stagedAt", t.applied_at as "appliedAt", t.ended_at as "endedAt",
  extract(epoch from coalesce(t.ended_at, now()) - t.started_at)::float8 as "durationSeconds", t.log_rows as "logRows",
  t.bad_keys as "badKeys", t.staged_upserts as "stagedUpserts", t.staged_deletes as "stagedDeletes", t.staged_bytes as "stagedBytes",
  t.staged_prefix as "stagedPrefix", t.rows_added as added, t.rows_changed as changed, t.rows_deleted as deleted,
  t.rows_unchanged as unchanged, t.bytes_billed as "bytesBilled", t.slot_ms as "slotMs", t.source_rows as "sourceRows",
  t.target_rows as "targetRows", extract(epoch from t.lag)::float8 as "lagSeconds", t.is_complete as "isComplete",
  t.is_consistent as "isConsistent", t.load_job_id as "loadJobId", t.apply_job_id as "applyJobId", t.error`;

/** Lists ETL transactions in an order that an index has, so that each page costs as much as its rows, however many there are before it. */
export function createTransactionList(pool: pg.Pool) {
  const list = async (
    filter: TransactionFilter,
    start: PageStart | null,
    limit: number,
  ): Promise<ListedTransaction[]> => {
    const { conditions, values } = conditionsOf(filter, start);
    const order = start !== null && 'newer' in start ? 'asc' : 'desc';
    const { rows } = await inStatement(
      pool,
      'control',
      `select ${LISTED_COLUMNS} from etl.etl_transaction t ${whereOf(conditions)}
       order by t.started_at ${order}, t.id ${order} limit $${values.length + 1}`,
      [...values, limit],
    );
    return order === 'asc' ? rows.reverse() : rows;
  };
  return {
    /** One page. A page towards newer transactions that is not full is the first one. */
    async page(filter: TransactionFilter, start: PageStart | null, limit: number): Promise<TransactionPage> {
      const rows = await list(filter, start, limit + 1);
      const hasMore = rows.length > limit;
      if (start === null || 'older' in start) {
        return { rows: rows.slice(0, limit), hasNewer: start !== null, hasOlder: hasMore };
      }
      if (rows.length < limit) return await this.page(filter, null, limit);
      return {
        rows: hasMore ? rows.slice(1) : rows,
        hasNewer: hasMore,
        hasOlder: start.newer.id !== BEHIND_OLDEST.id,
      };
    },

    /** How many there are, counted up to a limit. */
    async count(filter: TransactionFilter, limit: number): Promise<number> {
      const { conditions, values } = conditionsOf(filter, null);
      const { rows } = await inStatement(
        pool,
        'control',
        `select count(*)::int4 as n from (
           select from etl.etl_transaction t ${whereOf(conditions)}
           order by t.started_at desc, t.id desc limit $${values.length + 1}) counted`,
        [...values, limit],
      );
      return rows[0]?.n as number;
    },

    /** The names of all views, in order. */
    async viewNames(): Promise<string[]> {
      const { rows } = await inStatement(pool, 'control', 'select name from etl.view_source order by name');
      return rows.map(({ name }) => name as string);
    },

    /** All of them, the newest first, at most `limit`, in chunks. Holds no connection between two chunks. */
    async *chunks(filter: TransactionFilter, limit: number): AsyncGenerator<ListedTransaction[]> {
      let left = limit;
      let start: PageStart | null = null;
      while (left > 0) {
        const size = Math.min(left, CHUNK_ROWS);
        const rows = await list(filter, start, size);
        if (rows.length > 0) yield rows;
        const last = rows.at(-1);
        if (last === undefined || rows.length < size) return;
        start = { older: last };
        left -= size;
      }
    },
  };
}

const whereOf = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;

/** Only the conditions that are given. PostgreSQL plans with their values, and so finds the partial index that fits. */
function conditionsOf(
  { view, state, kind, from, until, consistent }: TransactionFilter,
  start: PageStart | null,
): { conditions: string[]; values: unknown[] } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (condition: (placeholder: string) => string, value: unknown): void => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (view !== undefined) add((value) => `t.view_name = ${value}`, view);
  if (state === 'in flight') {
    conditions.push(`t.state in (${IN_FLIGHT.map((each) => `'${each}'`).join(', ')})`);
  } else if (state !== undefined) {
    add((value) => `t.state = ${value}`, state);
  }
  if (kind !== undefined) add((value) => `t.kind = ${value}`, kind);
  if (from !== undefined) add((value) => `t.started_at >= ${value}`, from);
  if (until !== undefined) add((value) => `t.started_at < ${value}`, until);
  if (consistent !== undefined) conditions.push(`t.is_consistent is ${CONSISTENT[consistent]}`);
  if (start !== null) {
    const [place, comparison] = 'older' in start ? [start.older, '<'] : [start.newer, '>'];
    values.push(String(place.startedAtMicros), place.id);
    conditions.push(
      `(t.started_at, t.id) ${comparison} (timestamptz 'epoch' + $${values.length - 1}::int8 * interval '1 microsecond', $${values.length})`,
    );
  }
  return { conditions, values };
}

/** `= false` would make PostgreSQL expect nearly all rows, also those with null. */
const CONSISTENT = { yes: 'true', no: 'false', unknown: 'null' } as const;
