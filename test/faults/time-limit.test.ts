import assert from 'node:assert/strict';
import type { Installation } from '../integration/functions/installation.ts';
import { Stack } from '../integration/functions/stack.ts';
import { closeGate, GATED_COPY, type Gate } from './gate.ts';

const HOUR_MS = 3_600_000;

describe('an extract whose copy does not end in time', function () {
  this.timeout(60_000);
  let stack: Stack;
  let on: Installation;
  let gate: Gate;

  before(async () => {
    stack = await Stack.start();
  });
  after(() => stack.stop());
  beforeEach(async () => {
    on = await stack.install();
    await on.source.database.query(
      `insert into app_project (id, name) select i, i from generate_series(1, 2000) i`,
    );
    await on.source.database.query(GATED_COPY);
  });
  afterEach(() => gate.open());

  /** A process for which two hours pass between two looks at its clock, which is more than its time limit. */
  const slowProcess = async () => {
    let looks = 0;
    const slow = await on.anotherProcess({ TIME_LIMIT_SECONDS: '5000' });
    slow.dependencies = {
      ...slow.dependencies,
      clock: { nowMs: () => Date.now() + 2 * HOUR_MS * looks++ },
    };
    return slow;
  };
  const hurriedProcess = () => on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '2' });

  const limits = {
    'the function': { start: slowProcess, named: /TIME_LIMIT_SECONDS \(5000\)/ },
    'a statement': { start: hurriedProcess, named: /STATEMENT_TIMEOUT_SECONDS \(2\)/ },
  };
  for (const [whose, { start, named }] of Object.entries(limits)) {
    it(`I8 because of the limit of ${whose} is not tried for ever with a whole view: it halts, with advice`, async () => {
      gate = await closeGate(on.source.database);

      await assert.rejects((await start()).extract(), {
        kind: 'configuration',
        message: named,
        advice: /SLICE_ROWS/,
      });

      assert.match(String(await on.haltedReason()), named);
      assert.deepEqual(await on.states(), ['abandoned']);
      await gate.open();
      await on.dependencies.control.resumeView('pmr_project');
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2000' });
      await on.assertEqual();
    });

    it(`I2 I8 because of the limit of ${whose} gives the changes up at once, and the next tick captures them again`, async () => {
      await on.replicate();
      await on.source.change('app_project', 1000, { name: 'changed' });
      gate = await closeGate(on.source.database);

      await assert.rejects((await start()).extract(), { kind: 'transient', message: named });

      assert.deepEqual([await on.states(), await on.haltedReason()], [['applied', 'abandoned'], null]);
      assert.match(String((await on.batches())[1]?.error), named);
      await gate.open();
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });
  }
});
