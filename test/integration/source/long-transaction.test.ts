import fc from 'fast-check';
import { Items } from './items.ts';
import { LongRun, type Step, WRITERS } from './long-run.ts';
import { useSource } from './use-source.ts';

describe('capture beside a transaction that stays open', () => {
  const items = new Items(useSource(Items.SCHEMA));

  it('I2 I3 loses no log row, carries none twice, and keeps seen small, whatever the traffic', async () => {
    await fc.assert(
      fc.asyncProperty(anyTraffic(), async (traffic) => {
        const run = await LongRun.begin(items);
        for (const step of traffic) await run.step(step);
        await run.end();
      }),
      { numRuns: 8 },
    );
  });

  it('I2 I3 does the same over a hundred captures', async () => {
    const run = await LongRun.begin(items);
    for (let captures = 0; captures < 100; captures += 1) {
      await run.step({ do: 'add' });
      await run.step({ do: captures % 3 === 0 ? 'draw and forget' : 'log another type' });
      await run.step({ do: 'capture' });
    }
    await run.end();
  });
});

function anyTraffic(): fc.Arbitrary<Step[]> {
  const step = (name: Step['do'], weight: number) => ({
    weight,
    arbitrary: fc.record({ do: fc.constant(name), writer: fc.nat(WRITERS - 1) }) as fc.Arbitrary<Step>,
  });
  return fc.array(
    fc.oneof(
      step('add', 4),
      step('log another type', 3),
      step('draw and forget', 1),
      step('add in a transaction', 5),
      step('commit', 2),
      step('roll back', 1),
      step('capture', 5),
    ),
    { minLength: 40, maxLength: 40 },
  );
}
