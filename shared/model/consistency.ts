import type { Checkpoint } from './checkpoint.ts';

/** What a check compares: every column; whether the keys are the same; or every column of rows that changed within some days. */
export type CheckMode = 'full' | 'keys' | 'since';

/**
 * What is to be done next: compare all rows; look a second time at those that differ, or at all rows if too many differ; wait for the batch that repairs them, and look again.
 * Every change is a compare-and-set.
 */
export type CheckState = 'comparing' | 'confirming' | 'repairing' | 'done' | 'failed';

export const NEXT_CHECK_STATES: Record<CheckState, readonly CheckState[]> = {
  comparing: ['confirming', 'done', 'failed'],
  confirming: ['comparing', 'repairing', 'done', 'failed'],
  repairing: ['done', 'failed'],
  done: [],
  failed: [],
};

/** A comparison of a view with its target (etl.consistency_check). */
export type ConsistencyCheck = {
  id: bigint;
  view: string;
  mode: CheckMode;
  /** For the mode `since`. */
  sinceDays: number | null;
  repairs: boolean;
  state: CheckState;
  startedAt: Date;
  /** When it got its state. */
  stateAt: Date;
  /** Null before the first look has begun. */
  moment: Moment | null;
  /** Null before the first look has begun. */
  plan: ComparisonPlan | null;
  /** Null before the first look has ended. */
  lookedAt: Date | null;
  sourceRows: bigint | null;
  /** Whether all rows are compared a second time, since more differed than are looked at one by one. */
  isRecount: boolean;
};

/** A moment at which the target had exactly what a checkpoint of its view covers. */
export type Moment = {
  /** By BigQuery's clock, as GoogleSQL writes it. */
  targetAsOf: string;
  checkpoint: Checkpoint;
  /** The last applied batch. */
  etlTransactionId: bigint | null;
};

export type ComparisonPlan = {
  /** The number of buckets that the keys are spread over. */
  buckets: number;
  /** The keys at which the view is cut into parts, in ascending order; none unless they are integers. */
  cuts: bigint[];
  /** About how many rows a part has whose rows are compared one by one. */
  partRows: number;
  /** The columns that are compared, with type and mode. */
  columns: string[];
  /** How many parts of the source have been read for the sums. */
  partsDone: number;
};

/** How many rows differ in each way. */
export type DifferenceCounts = Record<DifferenceKind, number>;

export const NO_DIFFERENCES: Readonly<DifferenceCounts> = {
  missing: 0,
  extra: 0,
  different: 0,
  duplicate: 0,
};

export const totalOf = (counts: DifferenceCounts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** How a row differs: it is not in the target, or not in the view, or has other values; or a side has several rows with its key. */
export type DifferenceKind = 'missing' | 'extra' | 'different' | 'duplicate';

/** Why a row differs, as far as the log, the view and the history of the target tell (docs/operations.md#why-rows-differ). */
export type DifferenceClass =
  | 'bypassed the log'
  | 'log row ignored'
  | 'lookup changed'
  | 'view definition changed'
  | 'changed in BigQuery'
  | 'unexplained';

/** Why a row differs, and what tells it. */
export type Explanation = {
  class: DifferenceClass;
  /** The log rows that name the row and tell why it differs, newest first; for other classes those that name it at all. At most ten. */
  logRows: bigint[];
  /** The batch that last wrote the row of the target; null if none is known. */
  etlTransactionId: bigint | null;
};

/** How many rows are of each class. */
export type ClassCounts = Partial<Record<DifferenceClass, number>>;

export function countClasses(differences: readonly Pick<Difference, 'class'>[]): ClassCounts {
  const counts: ClassCounts = {};
  for (const { class: name } of differences) {
    if (name !== null) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** A row that differs. */
export type Difference = {
  /** As text. */
  key: string;
  kind: DifferenceKind;
  /** Null until a second look confirmed that the row differs. */
  class: DifferenceClass | null;
  /** The columns that differ, for a row that is on both sides. */
  columns: string[];
  /** Whether a batch has repaired it, as a third look proved. */
  isRepaired: boolean;
};

/** Since when a row must have been changed to be compared. */
export const sinceOf = ({ startedAt, sinceDays }: Pick<ConsistencyCheck, 'startedAt' | 'sinceDays'>): Date =>
  new Date(startedAt.getTime() - (sinceDays ?? 0) * 86_400_000);
