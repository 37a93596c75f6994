import assert from 'node:assert/strict';
import { Command } from '../../support/command.ts';

const bench = (...args: string[]) => new Command('bench/index.ts', args);

describe('npm run bench', () => {
  for (const [problem, args, reason] of [
    ['an unknown bench', ['merge', '--rows', '10'], /^Name one bench\.$/],
    ['two benches', ['extract', 'stream'], /^Name one bench\.$/],
    ['an unknown option', ['stream', '--row', '10'], /--row/],
    [
      'rows that are not a whole number',
      ['stream', '--rows', '1e5'],
      /^--rows must be a whole number from 1, not 1e5$/,
    ],
    ['no rounds', ['stream', '--rounds', '0'], /^--rounds must be a whole number from 1, not 0$/],
    ['rows for a bench without rows', ['coldstart', '--rows', '10'], /^this bench has no --rows$/],
    [
      'more rows than a batch takes',
      ['stream', '--rows', '2000001'],
      /^--rows must be at most 2000000 for this bench$/,
    ],
  ] as const) {
    it(`refuses ${problem} and prints its usage`, async () => {
      const command = bench(...args);
      assert.equal(await command.exitCode, 2);
      assert.match(command.lines[0] ?? '', reason);
      assert.match(
        command.output,
        /^Usage: npm run bench -- admin\|capture\|coldstart\|extract\|initial\|many-views\|peers\|reconcile\|stream\|tick\|report \[options\]$/m,
      );
    });
  }

  for (const name of ['capture', 'extract', 'initial', 'stream']) {
    it(`measures ${name} next to its baseline and ends with one line of JSON`, async () => {
      const command = bench(name, '--rows', '500', '--rounds', '1', '--json');
      assert.equal(await command.exitCode, 0, command.output);
      const [result, ...others] = command.lines.filter((line) => line.startsWith('{'));
      assert.deepEqual(others, []);
      const { rows, ...figures } = JSON.parse(result ?? '');
      assert.equal(rows, 500);
      for (const figure of ['rows_per_second', 'baseline_rows_per_second', 'ratio', 'peak_rss_mb'])
        assert.ok(figures[figure] > 0, `${figure} is ${figures[figure]}`);
      assert.equal(figures.rounds, 1);
      assert.ok(Object.keys(figures.cases).length >= 2);
      for (const { seconds } of Object.values<{ seconds: { median: number; min: number; max: number } }>(
        figures.cases,
      )) {
        assert.ok(seconds.min > 0 && seconds.min <= seconds.median && seconds.median <= seconds.max);
      }
    });
  }

  it('measures a check of equal and of different sides, and the bytes that it reads', async () => {
    const command = bench('reconcile', '--rows', '3000', '--rounds', '1', '--json');
    assert.equal(await command.exitCode, 0, command.output);
    const [result, ...others] = command.lines.filter((line) => line.startsWith('{'));
    assert.deepEqual(others, []);
    const { rows, different_rows, equal_bytes, different_bytes, peer_rows_per_second, ...figures } =
      JSON.parse(result ?? '');
    assert.equal(rows, 3000);
    assert.equal(different_rows, 1);
    const { cases, ...numbers } = figures;
    for (const figure of Object.values(numbers)) assert.ok(Number(figure) > 0, result);
    assert.deepEqual(Object.keys(cases), [
      'equal sides',
      'hashtext',
      'equal sides, row by row',
      'different rows',
    ]);
    for (const side of ['source', 'bigquery']) {
      assert.ok(equal_bytes[side] > 0, result);
      assert.ok(different_bytes[side] > equal_bytes[side], result);
    }
    assert.ok(peer_rows_per_second === null || peer_rows_per_second > 0, result);
  });

  it('measures the extraction alone, and says so, where no peer is installed', async () => {
    const nowhere = { PYTHON: 'no-such-python', SLING: 'no-such-sling' };
    const command = new Command('bench/index.ts', ['peers', '--rows', '500', '--rounds', '1'], nowhere);
    assert.equal(await command.exitCode, 0, command.output);
    for (const what of ['dlt, connectorx: .*no-such-python', 'dlt, pyarrow', 'Sling: .*no-such-sling'])
      assert.match(command.output, new RegExp(`^not measured: ${what}`, 'm'));
    const { cases, not_measured } = JSON.parse(command.lines.at(-1) ?? '');
    assert.deepEqual(Object.keys(cases), ['extract', 'COPY binary']);
    assert.equal(not_measured.length, 3);
    assert.doesNotMatch(not_measured.join(), /no-such/, 'a record names no path of its machine');
  });

  it('measures the pages of admin: their time, what they send, and the first load', async () => {
    const command = bench('admin', '--rows', '5000', '--rounds', '2', '--json');
    assert.equal(await command.exitCode, 0, command.output);
    const { rows, views, first_load_bytes, pages, download } = JSON.parse(command.lines.at(-1) ?? '');
    assert.deepEqual([rows, views], [5000, 200]);
    assert.ok(first_load_bytes > 10_000 && first_load_bytes < 150_000, `first load: ${first_load_bytes}`);
    for (const name of ['overview', 'transactions', 'transactions_deep', 'transaction', 'failures']) {
      const { median_ms, p95_ms, bytes } = pages[name];
      assert.ok(
        median_ms > 0 && p95_ms >= median_ms && bytes > 1000,
        `${name}: ${JSON.stringify(pages[name])}`,
      );
    }
    assert.ok(download.seconds >= 0 && download.bytes > 10_000);
  });

  it('measures the cold start of each function next to a minimal one, and the size of the archive', async () => {
    const command = bench('coldstart', '--rounds', '1', '--json');
    assert.equal(await command.exitCode, 0, command.output);
    const { archive_bytes, rounds, hello_seconds, seconds, ratio } = JSON.parse(command.lines.at(-1) ?? '');
    assert.equal(rounds, 1);
    assert.ok(archive_bytes > 10_000 && archive_bytes < 1_000_000, `the archive has ${archive_bytes} bytes`);
    assert.ok(hello_seconds > 0);
    for (const figures of [seconds, ratio]) {
      assert.deepEqual(Object.keys(figures), ['tick', 'extract', 'merge', 'stream', 'admin']);
      for (const figure of Object.values(figures)) assert.ok(Number(figure) > 0);
    }
  });
});
