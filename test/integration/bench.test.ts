import assert from 'node:assert/strict';
import { Command } from './command.ts';

const bench = (...args: string[]) => new Command('bench/index.ts', args);

describe('npm run bench', () => {
  for (const [fault, args, reason] of [
    ['an unknown bench', ['merge', '--rows', '10'], /^Which bench\?$/],
    ['two benches', ['extract', 'stream'], /^Which bench\?$/],
    ['an unknown option', ['stream', '--row', '10'], /--row/],
    [
      'rows that are no whole number',
      ['stream', '--rows', '1e5'],
      /^--rows takes a whole number from 1, not 1e5$/,
    ],
    ['no round', ['stream', '--rounds', '0'], /^--rounds takes a whole number from 1, not 0$/],
    ['more rows than a batch takes', ['stream', '--rows', '2000001'], /^--rows takes at most 2000000 here$/],
  ] as const) {
    it(`refuses ${fault} and says what it takes`, async () => {
      const command = bench(...args);
      assert.equal(await command.exitCode, 2);
      assert.match(command.lines[0] ?? '', reason);
      assert.match(
        command.output,
        /^Usage: npm run bench -- capture\|extract\|stream --rows N \[--rounds N\] \[--json\]$/m,
      );
    });
  }

  for (const name of ['capture', 'extract', 'stream']) {
    it(`measures ${name} beside its baseline and ends with one line of JSON`, async () => {
      const command = bench(name, '--rows', '500', '--rounds', '1', '--json');
      assert.equal(await command.exitCode, 0, command.output);
      const [result, ...others] = command.lines.filter((line) => line.startsWith('{'));
      assert.deepEqual(others, []);
      const { rows, ...figures } = JSON.parse(result ?? '');
      assert.equal(rows, 500);
      const names = ['rows_per_second', 'baseline_rows_per_second', 'ratio', 'peak_rss_mb'];
      assert.deepEqual(Object.keys(figures), names);
      for (const figure of names) assert.ok(figures[figure] > 0, `${figure} is ${figures[figure]}`);
    });
  }
});
