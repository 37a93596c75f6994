import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { painted } from '../../local/line.ts';
import { LEGEND, withLegend } from '../../local/log-line.ts';
import { describeLookout } from '../../local/look-at-data.ts';
import { type Amount, describeProgress } from '../../local/progress.ts';
import { createTerminal } from '../../local/terminal.ts';

const BATCH = 'pmr_project batch 12 (incremental): +3 ~1,234 -1 in 240 ms';

/** A stream that keeps what is written to it; `isTTY` says whether it is a terminal. */
function recorder(isTTY: boolean, columns = 60) {
  const stream = new PassThrough();
  const terminal = {
    ...{ isTTY, columns, hasColors: () => isTTY, getColorDepth: () => (isTTY ? 4 : 1) },
    ...{ cursorTo: () => true, moveCursor: () => true, clearLine: () => true },
  };
  const written: string[] = [];
  stream.on('data', (chunk) => written.push(String(chunk)));
  return {
    stream: Object.assign(stream, terminal) as unknown as NodeJS.WriteStream,
    text: () => written.join(''),
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
const wordsIn = (text: string): string => text.replace(/\u001b\[\d+m/g, '');

const progress = (amount: Amount | undefined, elapsedMs: number) =>
  describeProgress('Loading', amount, { elapsedMs, from: 0 });

describe('progress', () => {
  it('is shown with rate and time left as soon as they are known', () => {
    const amount = { done: 120_000, total: 400_000, unit: 'rows', detail: '2 of 5 views' };

    assert.equal(progress(undefined, 3100), 'Loading: 3.1 s');
    assert.equal(progress(amount, 1000), 'Loading: 2 of 5 views, 120,000 of 400,000 rows (30%)');
    assert.equal(
      progress(amount, 4000),
      'Loading: 2 of 5 views, 120,000 of 400,000 rows (30%), 30,000 rows/s, 10 s left',
    );
    assert.equal(
      progress({ ...amount, done: 1200 }, 4000)
        .split(', ')
        .at(-1),
      '22 min 10 s left',
    );
    assert.equal(
      progress({ done: 400, total: 400, unit: 'rows' }, 4000),
      'Loading: 400 of 400 rows (100%), 100 rows/s',
    );
    assert.equal(
      progress({ done: 2, total: 5, unit: 'views', isUneven: true }, 4000),
      'Loading: 2 of 5 views (40%)',
    );
    assert.equal(progress({ done: 7, unit: 'rows' }, 4000), 'Loading: 7 rows, 1.8 rows/s');
    assert.equal(
      progress({ done: 0, total: 0, unit: 'rows', detail: '1 view at work' }, 4000),
      'Loading: 1 view at work, 4.0 s',
    );
  });

  it('is a plain line from time to time where nobody watches a terminal', async () => {
    const { stream, text } = recorder(false);
    const { say, step } = createTerminal(stream, 5);
    const loading = step('Loading');
    loading.update({ done: 5, total: 10, unit: 'rows' });
    while (!text().includes('Loading')) await delay(1);
    loading.end();
    say([['good', 'done']]);

    assert.match(text(), /^(Loading: 5 of 10 rows \(50%\)\n)+done\n$/);
  });

  it('is a plain line on a terminal without a width', async () => {
    const { stream, text } = recorder(true, 0);
    const loading = createTerminal(stream, 5).step('Loading');
    while (!text().includes('Loading')) await delay(1);
    loading.end();

    assert.match(wordsIn(text()), /^(Loading: \d+ ms\n)+$/);
  });

  it('is one line that changes on a terminal, below the lines that are printed meanwhile', async () => {
    const { stream, text } = recorder(true);
    const { say, step } = createTerminal(stream);
    const loading = step('Loading');
    loading.update({ done: 5, total: 10, unit: 'rows' });
    while (!text().includes('5 of 10')) await delay(10);
    say('a line');
    loading.end();
    loading.end();
    const length = text().length;
    say('the last line');

    assert.match(text(), /a line\n/);
    assert.doesNotMatch(text(), /5 of 10 rows \(50%\)\n/, 'it is not left behind');
    assert.equal(text().slice(length), 'the last line\n', 'nothing turns any more');
  });
});

describe('a line of the local stack', () => {
  it('has colours on a terminal only, and obeys nothing that a payload contains', () => {
    const line = ['batch: ', ['good', '+3\u001b[2J']] as const;
    assert.equal(painted(line, recorder(false).stream), 'batch: +3\\u001b[2J');
    assert.equal(painted(line, recorder(true).stream), 'batch: \u001b[32m+3\\u001b[2J\u001b[39m');
  });

  it('is explained once, when the first batch is shown', () => {
    const said: unknown[] = [];
    const say = withLegend((line) => said.push(line));
    for (const line of ['warning: x', BATCH, BATCH]) say(line);
    assert.deepEqual(said, ['warning: x', [['quiet', LEGEND]], BATCH, BATCH]);
  });

  it('says how to look at both sides, and never prints a password of the user', () => {
    const sourceUrl = 'postgresql://reader:secret@127.0.0.1:5433/shop';
    const given = { sourceUrl, dataFolder: '/tmp/x', example: { name: 'Orders', targetName: 'orders' } };

    assert.deepEqual(describeLookout({ ...given, isExternal: true }), [
      'Look at the data:',
      `  BigQuery  npm run datahub -- query 'select * from SMartDataAnalytics.orders limit 5' --data /tmp/x`,
      `  source    npm run datahub -- query --source 'select * from "Orders" limit 5' --data /tmp/x`,
      '  psql      psql "$SOURCE_DATABASE_URL"',
    ]);
    assert.match(
      describeLookout({ ...given, isExternal: false }).at(-1) ?? '',
      /psql 'postgresql:\/\/reader:secret@/,
    );
  });
});
