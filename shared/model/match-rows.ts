import type { DifferenceKind } from './consistency.ts';

/** A row as it is compared: its key and a hash of its values, and the texts of those that a hash cannot prove equal. */
export type HashedRow = { bucket: number; key: string; hash: string; values: readonly (string | null)[] };

export type FoundDifference = { key: string; kind: DifferenceKind };

/**
 * Compares the rows of both sides, each in ascending order of buckets, and yields those that differ. It holds the rows of one bucket in memory.
 * `isSame` compares two values by their place in `HashedRow.values`.
 */
export async function* matchRows(
  source: AsyncIterable<HashedRow>,
  target: AsyncIterable<HashedRow>,
  isSame: (place: number, source: string | null, target: string | null) => boolean,
): AsyncGenerator<FoundDifference> {
  const [left, right] = [bucketsOf(source), bucketsOf(target)];
  let [here, there] = [await left.next(), await right.next()];
  while (!here.done || !there.done) {
    const bucket = Math.min(bucketOf(here), bucketOf(there));
    const isHere = bucketOf(here) === bucket;
    const isThere = bucketOf(there) === bucket;
    yield* matchBucket(isHere ? rowsOf(here) : [], isThere ? rowsOf(there) : [], isSame);
    if (isHere) here = await left.next();
    if (isThere) there = await right.next();
  }
}

type Group = IteratorResult<readonly HashedRow[], void>;

const rowsOf = ({ value }: Group): readonly HashedRow[] => value ?? [];

const bucketOf = (group: Group): number => rowsOf(group)[0]?.bucket ?? Number.POSITIVE_INFINITY;

function* matchBucket(
  source: readonly HashedRow[],
  target: readonly HashedRow[],
  isSame: (place: number, source: string | null, target: string | null) => boolean,
): Generator<FoundDifference> {
  const [rows, repeated] = byKey(source);
  const [copies, repeatedCopies] = byKey(target);
  for (const key of new Set([...repeated, ...repeatedCopies])) yield { key, kind: 'duplicate' };
  for (const [key, row] of rows) {
    if (repeated.has(key) || repeatedCopies.has(key)) continue;
    const copy = copies.get(key);
    if (copy === undefined) yield { key, kind: 'missing' };
    else if (
      row.hash !== copy.hash ||
      !row.values.every((value, i) => isSame(i, value, copy.values[i] ?? null))
    )
      yield { key, kind: 'different' };
  }
  for (const key of copies.keys()) {
    if (!rows.has(key) && !repeatedCopies.has(key)) yield { key, kind: 'extra' };
  }
}

/** The rows by their keys, and the keys that several rows have. */
function byKey(rows: readonly HashedRow[]): [Map<string, HashedRow>, Set<string>] {
  const found = new Map<string, HashedRow>();
  const repeated = new Set<string>();
  for (const row of rows) {
    if (found.has(row.key)) repeated.add(row.key);
    found.set(row.key, row);
  }
  return [found, repeated];
}

async function* bucketsOf(rows: AsyncIterable<HashedRow>): AsyncGenerator<readonly HashedRow[], void> {
  let group: HashedRow[] = [];
  for await (const row of rows) {
    const [first] = group;
    if (first !== undefined && first.bucket !== row.bucket) {
      if (row.bucket < first.bucket) throw new RangeError(`bucket ${row.bucket} comes after ${first.bucket}`);
      yield group;
      group = [];
    }
    group.push(row);
  }
  if (group.length > 0) yield group;
}
