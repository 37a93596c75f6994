import type { State } from './batch-states.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { LoadType } from './columns.ts';
import type { ViewFingerprint } from './view-fingerprint.ts';

/**
 * How many rows of the target a batch added, changed and deleted, and how many of its rows found nothing to do. A row that is undeleted counts
 * as added. A stream writes every row, so that none is unchanged.
 */
export type Counts = { added: bigint; changed: bigint; deleted: bigint; unchanged: bigint };

export const NO_CHANGES: Counts = { added: 0n, changed: 0n, deleted: 0n, unchanged: 0n };

export const KINDS = ['incremental', 'initial', 'resync', 'repair', 'backfill'] as const;
export type Kind = (typeof KINDS)[number];

/** An ETL transaction: one batch of one view (etl.etl_transaction). */
export type EtlTransaction = {
  /** The batch id. */
  id: bigint;
  /** Distinguishes the batch from one with the same id that an earlier control database created. */
  token: string;
  view: string;
  kind: Kind;
  state: State;
  attempt: number;
  /** The attempt that last loaded the staged objects into the temp table. The id of the load job contains it. */
  loadAttempt: number;
  /** The job of the first load, of a direct load that of `merge`; null until it has succeeded. */
  loadJobId: string | null;
  nextCheckpoint: Checkpoint;
  stagedPrefix: string;
  stagedUpserts: bigint;
  stagedDeletes: bigint;
  /** Log rows that the batch skips, because their object id is no value of the key's type. */
  badKeys: bigint;
  /** How far earlier calls have streamed the batch. */
  progress: Progress;
  /** When all rows of a complete batch were acknowledged; null before. */
  streamedAt: Date | null;
  stagedAt: Date | null;
  hasMore: boolean;
  /** Whether the batch contains every row of the view, so that applying it deletes all other rows. */
  isComplete: boolean;
  /** The definition by which its rows were computed; null for a batch of release 0.2.0. */
  definition: ViewFingerprint | null;
  /** Whether an operator accepts that the batch deletes any number of rows. */
  acceptsDeletes: boolean;
  /** Whether its rows were staged for a load job that brings them straight into the target, which had none. */
  isDirectLoad: boolean;
  /**
   * Rows of the target, without deleted ones, before a complete batch and before earlier ones that were not applied; null for other batches and
   * those of release 0.2.0.
   */
  targetRows: bigint | null;
  startedAt: Date;
};

/** How many staged rows, counted from the first one, BigQuery has acknowledged, and what they changed. */
export type Progress = { rows: number; counts: Counts };

/** The function that applies the batches of a load type; its topic announces them. */
export const APPLIER = { merge: 'merge', 'bq-storage-api': 'stream' } as const satisfies Record<
  LoadType,
  string
>;
export type ApplierFunction = (typeof APPLIER)[LoadType];

/**
 * Whether a staged batch is not in the temp table yet because its load outlived the call that started it. Only `extract` may wait for
 * that load: BigQuery shows a job only to the account that created it (https://cloud.google.com/bigquery/docs/managing-jobs).
 */
export function isBeingLoaded(batch: EtlTransaction, loadType: LoadType): boolean {
  const { state, loadAttempt, loadJobId, isDirectLoad, stagedUpserts, stagedDeletes } = batch;
  const hasRows = stagedUpserts + stagedDeletes > 0n;
  const needsLoad = loadType === 'merge' && hasRows && !isDirectLoad;
  return needsLoad && state === 'staged' && loadAttempt === 1 && loadJobId === null;
}
