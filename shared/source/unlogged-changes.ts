import { type Checkpoint, isCovered } from '../model/checkpoint.ts';
import { type LogOrigin, otherLog } from '../model/log-origin.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { SourceView } from './describe-view.ts';
import { resyncRows } from './trigger-log.ts';

/** Why rows of the view may have changed that the log does not name since the checkpoint. */
export type UnloggedChanges = {
  reason: string;
  /** Whether the checkpoint is about another log: its ids mean nothing in this one. */
  isOtherLog?: true;
};

export const askedFor = (id: bigint, logTable: string): string =>
  `row ${id} of ${logTable} asks for it: a table was truncated, or its triggers were absent or disabled`;

/**
 * Why the view must be loaded as a whole instead of by its log rows: the log is another table than `before`, or an older release, which does not know log
 * rows that ask for a resync, passed one by. Null if neither is so. A capture of changes finds those that are new (`Collapsed.resyncId`).
 */
export async function unloggedChanges(
  client: Queryable,
  view: SourceView,
  checkpoint: Checkpoint,
  { before, now, logTable }: { before: LogOrigin | null; now: LogOrigin; logTable: string },
): Promise<UnloggedChanges | null> {
  const other = before === null ? null : otherLog(before, now);
  if (other !== null) return { reason: other, isOtherLog: true };
  const heeded = before?.resyncId ?? 0n;
  const passed = (await resyncRows(client, logTable, contentTypesOf(view))).findLast(
    (id) => id > heeded && isCovered(checkpoint, id),
  );
  return passed === undefined ? null : { reason: askedFor(passed, logTable) };
}

/** The last log row that asks for a resync of the view and that the snapshot of `client` shows; 0 if there is none. */
export async function lastResyncRow(client: Queryable, view: SourceView, logTable: string): Promise<bigint> {
  return (await resyncRows(client, logTable, contentTypesOf(view))).at(-1) ?? 0n;
}

const contentTypesOf = ({ logged }: SourceView): number[] =>
  logged.flatMap(({ contentTypeIds }) => contentTypeIds);
