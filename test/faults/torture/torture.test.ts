import assert from 'node:assert/strict';
import { useStack } from '../../support/use-installation.ts';
import { torture } from './torture.ts';

const TRANSACTIONS = 1_000;

describe('many concurrent writers and ticks', () => {
  const stack = useStack();

  it('I1 I2 I3 I4 make source and target equal, with every log row captured exactly once', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.log(`        SEED=${seed}`);

    const { findings, ...figures } = await torture(stack, { transactions: TRANSACTIONS, writers: 16, seed });

    assert.deepEqual(findings, []);
    assert.partialDeepStrictEqual(figures, { lost: 0, duplicated: 0, consistent: true });
    assert.ok(figures.transactions >= TRANSACTIONS && figures.batches > 10, JSON.stringify(figures));
  });
});
