import type { CheckMode, CheckState, DifferenceClass } from '../model/consistency.ts';

/** The latest check of a view that ended. Times are ISO 8601, 64-bit numbers are texts. docs/operations.md describes every field. */
export type CheckStatus = {
  check: string;
  mode: CheckMode;
  /** For the mode `since`. */
  sinceDays: number | null;
  startedAt: string;
  endedAt: string;
  by: string | null;
  /** Null if the check found no answer; `why` then says why. */
  isConsistent: boolean | null;
  sourceRows: string | null;
  targetRows: string | null;
  pending: string | null;
  missing: string;
  extra: string;
  different: string;
  duplicates: string;
  repaired: string;
  /** By BigQuery; null if the check found no answer. */
  bytesBilled: string | null;
  /** How many of the rows have each class. */
  classes: Partial<Record<DifferenceClass, number>>;
  /** The object of the staging bucket with the values of the rows that differ. */
  report: string | null;
  /** Why the check failed, or repaired nothing. */
  why: string | null;
};

/** A check that has not ended. */
export type RunningCheck = {
  check: string;
  mode: CheckMode;
  sinceDays: number | null;
  state: CheckState;
  startedAt: string;
  by: string | null;
  repairs: boolean;
  /** Parts of the source that have been read, and all parts; null before the view was cut into parts. */
  partsDone: number | null;
  parts: number | null;
  /** The same for the parts whose rows are compared one by one; null before the first of them. */
  rowPartsDone: number | null;
  rowParts: number | null;
  sourceRows: string | null;
  /** Rows that differed at the last look. */
  differences: number;
};

/** Selects the `CheckStatus` of the view `v` as JSON, or null. */
export const LAST_CHECK_SQL = `(select jsonb_build_object('check', c.id::text, 'mode', c.mode, 'sinceDays', c.since_days,
  'startedAt', c.started_at, 'endedAt', c.ended_at, 'by', c.requested_by, 'isConsistent', c.is_consistent,
  'sourceRows', c.source_rows::text, 'targetRows', c.target_rows::text, 'pending', c.pending::text,
  'missing', coalesce(c.missing, 0)::text, 'extra', coalesce(c.extra, 0)::text, 'different', coalesce(c.different, 0)::text,
  'duplicates', coalesce(c.duplicates, 0)::text, 'repaired', coalesce(c.repaired, 0)::text, 'bytesBilled', c.bytes_billed::text,
  'classes', coalesce(c.classes, '{}'), 'report', c.report, 'why', c.error)
from etl.consistency_check c where c.view_name = v.name and c.ended_at is not null order by c.id desc limit 1)`;

/** Selects the `RunningCheck` of the view `v` as JSON, or null. */
export const RUNNING_CHECK_SQL = `(select jsonb_build_object('check', c.id::text, 'mode', c.mode, 'sinceDays', c.since_days,
  'state', c.state, 'startedAt', c.started_at, 'by', c.requested_by, 'repairs', c.repairs,
  'partsDone', case when c.cuts is not null then c.parts_done end, 'parts', jsonb_array_length(c.cuts) + 1,
  'rowPartsDone', case when c.drill_parts is not null then c.drill_parts_done end, 'rowParts', c.drill_parts,
  'sourceRows', c.source_rows::text,
  'differences', (select count(*) from etl.consistency_difference d where d.check_id = c.id))
from etl.consistency_check c where c.view_name = v.name and c.ended_at is null)`;
