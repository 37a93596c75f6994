import { fieldNameFaults, type LoadType } from '../../shared/model/columns.ts';
import type { Activity } from './log-activity.ts';

/** A merge takes seconds to a minute, and BigQuery allows 1,500 load jobs per table and day (docs/architecture.md#merge-or-stream). */
const CHANGES_A_DAY = 1440;
/** Fewer may be one bulk change, which a merge carries best. */
const BUSY_MINUTES = 60;

export type LoadTypeFacts = {
  /** The names of all columns. */
  columns: readonly string[];
  /** Null without a log, or if the log has no row of the main table. */
  activity: Activity | null;
  /** The first value of the column that would partition the target; null if there is none. */
  partitionFrom: Date | null;
  now: Date;
  /** Somebody has asked for a stream, whatever the log says. */
  isWanted: boolean;
};

export type ProposedLoadType = {
  loadType: LoadType;
  reason: string;
  /** Why it is no stream though one is wanted; empty otherwise. */
  todo: string[];
};

const STREAMED_YEARS = 10;

/**
 * Proposes `merge`, unless changes come so often that the merges of a day would cost more than what they bring, and nothing speaks against a stream: a
 * streamed table cannot become a merged one again, and keeps no deleted rows.
 */
export function proposeLoadType(facts: LoadTypeFacts): ProposedLoadType {
  const obstacles = obstaclesOf(facts);
  const { activity } = facts;
  const often = activity === null ? 0 : Math.round(activity.changesPerDay);
  const rate =
    activity === null
      ? 'the log has no change of it yet'
      : `the log has about ${often.toLocaleString('en')} changes a day`;
  if (facts.isWanted && obstacles.length === 0)
    return { loadType: 'bq-storage-api', reason: `Asked for. ${sentence(rate)}.`, todo: [] };
  const minutes = activity?.busyMinutes ?? 0;
  const isOften = often >= CHANGES_A_DAY;
  if (isOften && minutes >= BUSY_MINUTES && activity?.deletedShare === 0 && obstacles.length === 0) {
    return {
      loadType: 'bq-storage-api',
      reason: `${rate}, none of them a deletion: small changes that arrive all the time are streamed in about a second, where a merge a minute would scan the table each time. It cannot be merged later; "merge" is the cautious choice.`,
      todo: [],
    };
  }
  const why = [
    ...(isOften && minutes < BUSY_MINUTES
      ? [`its newest rows are of ${minutes} minutes, too few to tell that changes arrive all the time`]
      : []),
    ...(isOften && activity !== null && activity.deletedShare > 0
      ? ['a stream would keep no deleted row']
      : []),
    ...obstacles,
  ];
  return {
    loadType: 'merge',
    reason: `${sentence(rate)}${why.length === 0 ? '' : `; ${why.join('; ')}`}: a merge applies a batch as a whole, keeps deleted rows, and locks nothing in.`,
    todo: facts.isWanted ? [`load_type: a stream was asked for, but ${obstacles.join('; ')}.`] : [],
  };
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

function obstaclesOf({ columns, partitionFrom, now }: LoadTypeFacts): string[] {
  const earliest = new Date(now);
  earliest.setUTCFullYear(earliest.getUTCFullYear() - STREAMED_YEARS);
  const unfit = fieldNameFaults(columns).length;
  return [
    ...(unfit === 0 ? [] : [`a stream cannot have ${unfit} of its column names`]),
    ...(partitionFrom !== null && partitionFrom < earliest
      ? [`a stream takes no partition older than ${STREAMED_YEARS} years`]
      : []),
  ];
}
