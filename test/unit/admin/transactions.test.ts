import assert from 'node:assert/strict';
import { phasesOf } from '../../../functions/admin/transactions/phases.ts';
import { timeLine } from '../../../functions/admin/transactions/time-line.ts';
import {
  filterOf,
  listAddress,
  parseTransactionQuery,
  startOf,
} from '../../../functions/admin/transactions/transaction-query.ts';
import { csvCell } from '../../../functions/admin/transactions/transactions-csv.ts';
import { folderLink, jobLink, objectLink } from '../../../functions/admin/ui/console-links.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const query = (address: string) =>
  parseTransactionQuery(Object.fromEntries(new URL(address, 'http://localhost').searchParams));

describe('the address of a list of transactions', () => {
  it('says the same after it was read', () => {
    for (const address of [
      '/transactions',
      '/transactions?view=a+b%26c&state=in+flight&kind=repair&from=2026-01-31&to=2026-02-01&consistent=no',
      '/transactions?view=x&key=%22%C3%A9+1&older=1764400000123456-42',
      '/transactions?newer=1764400000123456-9007199254740993',
    ]) {
      assert.equal(listAddress(query(address)), address);
    }
  });

  it('means whole days in UTC', () => {
    const { from, until } = filterOf(query('/transactions?from=2026-01-31&to=2026-01-31'));

    assert.deepEqual(
      [from?.toISOString(), until?.toISOString()],
      ['2026-01-31T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    );
  });

  it('keeps microseconds and large numbers of a place exact', () => {
    assert.deepEqual(startOf(query('/transactions?older=1764400000123457-9007199254740993')), {
      older: { startedAtMicros: 1_764_400_000_123_457n, id: 9_007_199_254_740_993n },
    });
    assert.equal(startOf(query('/transactions?view=x')), null);
  });
});

describe('a cell of the download', () => {
  for (const [value, cell] of [
    [null, ''],
    [12n, '12'],
    [-3, '-3'],
    [true, 'true'],
    [at(0), '2026-01-01T00:00:00.000Z'],
    ['plain', 'plain'],
    ['a "b", c', '"a ""b"", c"'],
    ['two\nlines', '"two\nlines"'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['＝1', "'＝1"],
    ['=a,"b"', `"'=a,""b"""`],
  ] as const) {
    it(`is ${JSON.stringify(cell)} for ${typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)}`, () => {
      assert.equal(csvCell(value), cell);
    });
  }
});

describe('the phases of a transaction', () => {
  const NONE = { stagedAt: null, streamedAt: null, appliedAt: null, endedAt: null };
  const summary = (times: Partial<Parameters<typeof phasesOf>[0]>) =>
    phasesOf({ state: 'applied', startedAt: at(0), ...NONE, ...times }).map(({ name, endedAt }) => [
      name,
      endedAt === null ? null : (endedAt.getTime() - at(0).getTime()) / 1000,
    ]);

  it('go on while it is in flight', () => {
    assert.deepEqual(summary({ state: 'extracting' }), [['Extracting: capture, copy, load', null]]);
    assert.deepEqual(summary({ state: 'staged', stagedAt: at(3) }), [
      ['Extracting: capture, copy, load', 3],
      ['Staged: waits to be applied', null],
    ]);
    assert.deepEqual(summary({ state: 'applying', stagedAt: at(3) }), [
      ['Extracting: capture, copy, load', 3],
      ['Staged and applying', null],
    ]);
  });

  it('end when it is applied, abandoned or failed', () => {
    assert.deepEqual(summary({ stagedAt: at(3), appliedAt: at(9), endedAt: at(9) }).at(-1), [
      'Staged and applying',
      9,
    ]);
    assert.deepEqual(summary({ state: 'abandoned', endedAt: at(5) }), [
      ['Extracting: capture, copy, load', 5],
    ]);
    assert.deepEqual(summary({ state: 'failed', stagedAt: at(3), endedAt: at(5) }).at(-1), [
      'Staged and applying',
      5,
    ]);
  });

  it('tell the deletes of a complete stream apart', () => {
    assert.deepEqual(summary({ stagedAt: at(3), streamedAt: at(8), appliedAt: at(9), endedAt: at(9) }), [
      ['Extracting: capture, copy, load', 3],
      ['Staged and streaming', 8],
      ['Deleting what the view has not', 9],
    ]);
  });

  it('are drawn in proportion, and a short one can still be seen', () => {
    const phases = phasesOf({
      ...NONE,
      state: 'applied',
      startedAt: at(0),
      stagedAt: at(0),
      appliedAt: at(100),
      endedAt: at(100),
    });
    const drawn = String(timeLine(phases, at(200).getTime()));

    assert.match(drawn, /class="phase-1" x="0" y="0" width="4"/);
    assert.match(drawn, /class="phase-2" x="4" y="0" width="996"/);
    assert.doesNotMatch(drawn, /NaN|Infinity/);
    const instant = phasesOf({ ...NONE, state: 'abandoned', startedAt: at(0), endedAt: at(0) });
    assert.doesNotMatch(String(timeLine(instant, at(0).getTime())), /NaN|Infinity/);
  });
});

describe('a link to the console', () => {
  const config = { projectId: 'my-project', location: 'asia-southeast1', stagingBucket: 'my-bucket' };

  it('names project, location and job', () => {
    assert.equal(
      jobLink(config, 'load_x_1'),
      'https://console.cloud.google.com/bigquery?project=my-project&page=queryresults&j=bq:asia-southeast1:load_x_1',
    );
  });

  it('keeps the folders of objects, and nothing of a name leaves its place', () => {
    assert.equal(
      folderLink(config, 'a view?/42/'),
      'https://console.cloud.google.com/storage/browser/my-bucket/a%20view%3F/42/?project=my-project',
    );
    assert.equal(
      objectLink(config, 'x#/1/manifest.json'),
      'https://console.cloud.google.com/storage/browser/_details/my-bucket/x%23/1/manifest.json?project=my-project',
    );
    assert.ok(jobLink(config, 'a&b=c').endsWith(':a%26b%3Dc'));
  });
});
