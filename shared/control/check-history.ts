import type pg from 'pg';
import type {
  CheckMode,
  CheckState,
  Difference,
  DifferenceClass,
  DifferenceKind,
} from '../model/consistency.ts';
import { inStatement } from '../postgres/transaction.ts';

/** A check as a line of a list. 64-bit numbers are texts; null for what is not known yet. */
export type ListedCheck = {
  id: string;
  view: string;
  mode: CheckMode;
  sinceDays: number | null;
  state: CheckState;
  requestedBy: string | null;
  trigger: string;
  repairs: boolean;
  startedAt: Date;
  endedAt: Date | null;
  isConsistent: boolean | null;
  sourceRows: string | null;
  targetRows: string | null;
  missing: string | null;
  extra: string | null;
  different: string | null;
  duplicates: string | null;
  repaired: string | null;
  /** Why it found no answer, or repaired nothing. */
  error: string | null;
};

export type CheckDetail = ListedCheck & {
  /** The time of the target that was compared, by BigQuery's clock; null before the first look. */
  targetAsOf: Date | null;
  /** The last batch that was applied then. */
  etlTransactionId: string | null;
  pending: string | null;
  partsDone: number;
  /** Null before the view was cut into parts. */
  parts: number | null;
  /** When the last look at rows that differ began. */
  lookedAt: Date | null;
  /** The object of the staging bucket with the values of the rows that differ. */
  report: string | null;
};

/** How many rows differ in one way, for one reason. The class is null until a second look confirmed the difference. */
export type DifferenceGroup = {
  class: DifferenceClass | null;
  kind: DifferenceKind;
  rows: number;
  repaired: number;
};

/** SQL for the columns of a `ListedCheck`, of etl.consistency_check as `c`. */
export const LISTED_CHECK = `c.id::text, c.view_name as view, c.mode, c.since_days as "sinceDays", c.state, c.requested_by as "requestedBy",
  c.trigger, c.repairs, c.started_at as "startedAt", c.ended_at as "endedAt", c.is_consistent as "isConsistent",
  c.source_rows::text as "sourceRows", c.target_rows::text as "targetRows", c.missing::text, c.extra::text, c.different::text,
  c.duplicates::text, c.repaired::text, c.error`;

/** Checks of the past, and what they found. */
export function createCheckHistory(pool: pg.Pool) {
  const read = async (text: string, values: unknown[]) =>
    (await inStatement(pool, 'control', text, values)).rows;

  return {
    /** Checks of one view or of all, the newest first: those with lower ids than `before`. */
    async list(
      { view, before }: { view?: string | undefined; before?: bigint | undefined },
      limit: number,
    ): Promise<ListedCheck[]> {
      return (await read(
        `select ${LISTED_CHECK} from etl.consistency_check c
         where (c.view_name = $1 or $1 is null) and (c.id < $2 or $2 is null) order by c.id desc limit $3`,
        [view ?? null, before ?? null, limit],
      )) as ListedCheck[];
    },

    /** One check; null if there is none with this id. */
    async get(id: bigint): Promise<CheckDetail | null> {
      const rows = await read(
        `select ${LISTED_CHECK}, c.target_as_of as "targetAsOf", c.etl_transaction_id::text as "etlTransactionId",
           c.pending::text, c.parts_done as "partsDone", jsonb_array_length(c.cuts) + 1 as parts, c.looked_at as "lookedAt", c.report
         from etl.consistency_check c where c.id = $1`,
        [id],
      );
      return (rows[0] as CheckDetail | undefined) ?? null;
    },

    /** The differences of a check in numbers, the most frequent first. */
    async groups(id: bigint): Promise<DifferenceGroup[]> {
      return (await read(
        `select class, kind, count(*)::int4 as rows, (count(*) filter (where is_repaired))::int4 as repaired
         from etl.consistency_difference where check_id = $1 group by 1, 2 order by 3 desc, 1, 2`,
        [id],
      )) as DifferenceGroup[];
    },

    /** The differences of a check in the order of their keys, as text: those after `after`, of one class or of all. */
    async differences(
      id: bigint,
      { after, class: name }: { after?: string | undefined; class?: DifferenceClass | undefined },
      limit: number,
    ): Promise<Difference[]> {
      return (await read(
        `select key, kind, class, columns, is_repaired as "isRepaired" from etl.consistency_difference
         where check_id = $1 and (key > $2 or $2 is null) and (class = $3 or $3 is null) order by key limit $4`,
        [id, after ?? null, name ?? null, limit],
      )) as Difference[];
    },
  };
}
