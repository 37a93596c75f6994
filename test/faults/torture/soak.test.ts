import assert from 'node:assert/strict';
import { isAlive } from '../../emulators/process-identity.ts';
import { Command } from '../../support/command.ts';
import { processTree } from '../../support/process-tree.ts';
import { until } from '../../support/until.ts';

const soak = (...args: string[]) => new Command('faults/soak.ts', args);

describe('npm run soak', () => {
  for (const [problem, args, reason] of [
    ['an unknown option', ['--rows', '10'], /--rows/],
    [
      'no transactions',
      ['--transactions', '0'],
      /^--transactions must be a whole number from 1 to 999999999, not 0$/,
    ],
    ['more writers than connections', ['--writers', '41'], /^--writers must be .* to 40, not 41$/],
  ] as const) {
    it(`refuses ${problem} and prints its usage`, async () => {
      const command = soak(...args);
      assert.equal(await command.exitCode, 2);
      assert.match(command.lines[0] ?? '', reason);
      assert.match(command.output, /^Usage: npm run soak \[-- options\]$/m);
    });
  }

  it('stops its servers when it is interrupted', async () => {
    const command = soak('--minutes', '10', '--writers', '2');
    // The first tick needs all servers.
    await command.saysLine(/tick/);
    const tree = processTree(command.pid);
    assert.ok(tree.length > 1, 'it has no server');

    await command.interrupt();

    assert.equal(await command.exitCode, 130);
    await until(() => !tree.some(isAlive));
  });

  it('prints its seed and ends with one line of JSON', async () => {
    const command = soak('--transactions', '60', '--writers', '4', '--seed', '7');
    assert.equal(await command.exitCode, 0, command.output);
    assert.equal(command.lines[0], 'seed 7');
    const { transactions, ticks, batches, log_rows, rows_compared, ...verdict } = JSON.parse(
      command.lines.at(-1) ?? '',
    );
    assert.ok(transactions >= 60 && ticks > 0 && batches >= 3 && log_rows > 0 && rows_compared > 0);
    assert.partialDeepStrictEqual(verdict, { seed: 7, lost: 0, duplicated: 0, consistent: true });
  });
});
