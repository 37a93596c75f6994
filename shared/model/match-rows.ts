import type { DifferenceKind } from './consistency.ts';

/**
 * A row as it is compared: its key and a hash of its values, and the texts of those that a hash cannot prove equal. `place` is its key, as exactly as a
 * number can hold it, or its bucket: both sides are ordered by it.
 */
export type HashedRow = { place: number; key: string; hash: string; values: readonly (string | null)[] };

export type FoundDifference = { key: string; kind: DifferenceKind };

/**
 * Compares the rows of both sides, each in ascending order of places, and yields those that differ. It holds the rows of one place in memory.
 * `isSame` compares two values by their place in `HashedRow.values`.
 */
export async function* matchRows(
  source: AsyncIterable<HashedRow>,
  target: AsyncIterable<HashedRow>,
  isSame: (place: number, source: string | null, target: string | null) => boolean,
): AsyncGenerator<FoundDifference> {
  const [left, right] = [placesOf(source), placesOf(target)];
  let [here, there] = [await left.next(), await right.next()];
  while (!here.done || !there.done) {
    const place = Math.min(placeOf(here), placeOf(there));
    const isHere = placeOf(here) === place;
    const isThere = placeOf(there) === place;
    yield* matchPlace(isHere ? rowsOf(here) : [], isThere ? rowsOf(there) : [], isSame);
    if (isHere) here = await left.next();
    if (isThere) there = await right.next();
  }
}

type Group = IteratorResult<readonly HashedRow[], void>;

const rowsOf = ({ value }: Group): readonly HashedRow[] => value ?? [];

const placeOf = (group: Group): number => rowsOf(group)[0]?.place ?? Number.POSITIVE_INFINITY;

function* matchPlace(
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

async function* placesOf(rows: AsyncIterable<HashedRow>): AsyncGenerator<readonly HashedRow[], void> {
  let group: HashedRow[] = [];
  for await (const row of rows) {
    const [first] = group;
    if (first !== undefined && first.place !== row.place) {
      if (row.place < first.place) throw new RangeError(`place ${row.place} comes after ${first.place}`);
      yield group;
      group = [];
    }
    group.push(row);
  }
  if (group.length > 0) yield group;
}
