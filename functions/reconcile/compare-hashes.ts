import type pg from 'pg';
import { MAX_STORED_DIFFERENCES } from '../../shared/control/drills.ts';
import type { DifferenceCounts } from '../../shared/model/consistency.ts';
import { type FoundDifference, type HashedRow, matchRows } from '../../shared/model/match-rows.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import { isSameValue } from '../../shared/model/same-value.ts';
import type { ComparedRows } from '../../shared/source/compare-rows.ts';
import { pendingAmong } from '../../shared/source/pending-keys.ts';

export type FoundRows = {
  /** The rows that differ, up to MAX_STORED_DIFFERENCES. */
  found: FoundDifference[];
  /** How many differ in all. */
  counts: DifferenceCounts;
};

/** What of both sides is compared: rows in ascending order of places. */
export type HashedSides = { source: AsyncIterable<HashedRow>; target: AsyncIterable<HashedRow> };

/**
 * Compares rows of both sides as streams. `client` reads those of the source, in the snapshot in which `pending` keys were found: these are left
 * out.
 */
export async function compareHashes(
  client: pg.ClientBase,
  { view, columns }: ComparedRows,
  { source, target }: HashedSides,
  pending: number,
): Promise<FoundRows> {
  const types = columns.filter((column) => !isHashed(column)).map(({ type }) => type);
  const isSame = (place: number, left: string | null, right: string | null): boolean => {
    const type = types[place];
    return type !== undefined && isSameValue(type, left, right);
  };
  const looked = await collect(matchRows(source, target, isSame), MAX_STORED_DIFFERENCES + pending);
  // Only when the rows have been read can the connection tell which keys are pending.
  const keys = looked.found.map(({ key }) => key);
  return settled(looked, await pendingAmong(client, view, keys));
}

/** Counts the differences, and keeps the first of them. */
async function collect(differences: AsyncIterable<FoundDifference>, limit: number): Promise<FoundRows> {
  const counts = { missing: 0, extra: 0, different: 0, duplicate: 0 };
  const found: FoundDifference[] = [];
  for await (const each of differences) {
    counts[each.kind] += 1;
    if (found.length < limit) found.push(each);
  }
  return { found, counts };
}

/** Leaves out the keys that the target need not show yet. */
function settled({ found, counts }: FoundRows, pending: ReadonlySet<string>): FoundRows {
  const left = { ...counts };
  for (const { key, kind } of found) if (pending.has(key)) left[kind] -= 1;
  return {
    found: found.filter(({ key }) => !pending.has(key)).slice(0, MAX_STORED_DIFFERENCES),
    counts: left,
  };
}
