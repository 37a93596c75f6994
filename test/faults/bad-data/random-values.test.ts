import fc from 'fast-check';
import pg from 'pg';
import { useStack } from '../../support/use-installation.ts';
import { ARBITRARY_TEXT } from './arbitrary-text.ts';
import { LOAD_TYPES, ThingView } from './thing-view.ts';

const TYPES = Object.keys(ARBITRARY_TEXT);
const COLUMNS = Object.fromEntries(TYPES.map((type, i) => [`c${i}`, type]));
const ROWS = Number(process.env.ROWS ?? 40);
/** Each run checks too many values for shrinking; a failure prints the seed and the values that differ. */
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);

const row = fc.tuple(...Object.values(ARBITRARY_TEXT).map((any) => fc.option(any, { freq: 8 })));

/** The values of a row as SQL literals, by column. */
const literals = (values: readonly (string | null)[]) =>
  Object.fromEntries(values.map((value, i) => [`c${i}`, value === null ? 'null' : pg.escapeLiteral(value)]));

describe('random values of every type', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    it(`I9 are the same on both sides after an initial load and after changes: ${loadType} (SEED=${SEED})`, async () => {
      const thing = await ThingView.install(stack, { loadType, columns: COLUMNS });
      const [first = [], second = []] = fc.sample(
        fc.array(row, { minLength: ROWS, maxLength: ROWS, size: 'max' }),
        {
          numRuns: 2,
          seed: SEED,
        },
      );
      for (const [i, values] of first.entries()) await thing.put(String(i), literals(values));
      await thing.replicate();
      await thing.assertEqual();

      for (const [i, values] of second.entries()) {
        const key = String(i + ROWS / 2);
        await (i % 10 === 0 ? thing.delete(key) : thing.put(key, literals(values)));
      }
      await thing.replicate();

      await thing.assertEqual();
    });
  }
});
