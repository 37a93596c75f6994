import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type FoundDifference, type HashedRow, matchRows } from '../../../shared/model/match-rows.ts';

async function* stream(rows: readonly HashedRow[]): AsyncGenerator<HashedRow> {
  yield* rows;
}

async function match(source: readonly HashedRow[], target: readonly HashedRow[]): Promise<FoundDifference[]> {
  const found: FoundDifference[] = [];
  for await (const each of matchRows(
    stream(source),
    stream(target),
    (_place, left, right) => left === right,
  )) {
    found.push(each);
  }
  return found;
}

const row = (place: number, key: string, hash = 'h', values: (string | null)[] = []): HashedRow => ({
  ...{ place, key, hash, values },
});

const sorted = (found: readonly FoundDifference[]) =>
  found.map(({ key, kind }) => `${key} ${kind}`).toSorted();

describe('rows of two sides', () => {
  it('differ where one is missing, extra, different by its hash or a value, or there twice', async () => {
    const found = await match(
      [row(-1, '-1'), row(0, '3'), row(0, '6', 'h', ['1', null]), row(1, '4', 'x'), row(2, '5'), row(2, '5')],
      [row(0, '6', 'h', ['1', '2']), row(1, '4', 'y'), row(1, '7'), row(2, '5'), row(3, '9'), row(3, '9')],
    );
    assert.deepEqual(sorted(found), [
      '-1 missing',
      '3 missing',
      '4 different',
      '5 duplicate',
      '6 different',
      '7 extra',
      '9 duplicate',
    ]);
  });

  it('are found out of any two lists, as by comparing each with each', async () => {
    const anyRows = fc.array(
      fc.tuple(fc.integer({ min: -6, max: 6 }), fc.constantFrom('a', 'b'), fc.constantFrom('1', null)),
    );
    const rowsOf = (given: [number, string, string | null][]) =>
      given
        .map(([key, hash, value]) => row(key % 3, String(key), hash, [value]))
        .toSorted((a, b) => a.place - b.place);
    await fc.assert(
      fc.asyncProperty(anyRows, anyRows, async (left, right) => {
        const [source, target] = [rowsOf(left), rowsOf(right)];
        const expected = [...new Set([...source, ...target].map(({ key }) => key))].flatMap((key) => {
          const [here, there] = [source, target].map((side) => side.filter((each) => each.key === key));
          const [one, other] = [here?.[0], there?.[0]];
          if ((here?.length ?? 0) > 1 || (there?.length ?? 0) > 1) return [`${key} duplicate`];
          if (one === undefined) return [`${key} extra`];
          if (other === undefined) return [`${key} missing`];
          return one.hash === other.hash && one.values[0] === other.values[0] ? [] : [`${key} different`];
        });
        assert.deepEqual(sorted(await match(source, target)), expected.toSorted());
      }),
    );
  });

  it('must come in ascending order of buckets', async () => {
    await assert.rejects(match([row(2, '1'), row(1, '2')], []), RangeError);
  });
});
