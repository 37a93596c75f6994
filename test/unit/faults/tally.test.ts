import assert from 'node:assert/strict';
import type { Injection, Verdict } from '../../faults/every-call/inject.ts';
import { Tally } from '../../faults/every-call/tally.ts';

const injection = (name: string): Injection => ({
  situation: { functionName: 'merge', view: 'pmr_project', work: 'incremental' } as Injection['situation'],
  call: { server: 'bigquery', name, nth: 1 },
  kind: 'error before the effect',
});

describe('the tally of injected faults', () => {
  for (const [situation, name, verdict, isPassed] of [
    ['one more fault was survived', 'bigquery.jobs.insert', { outcome: 'survived' }, true],
    [
      'one more fault was not survived',
      'bigquery.jobs.insert',
      { outcome: 'not survived', why: 'stuck' },
      false,
    ],
    ['a planned fault of a poll was not reached', 'bigquery.jobs.get', { outcome: 'not met' }, true],
    [
      'a planned fault of any other call was not reached',
      'bigquery.jobs.getQueryResults',
      { outcome: 'not met' },
      false,
    ],
  ] as const) {
    it(`${isPassed ? 'passes' : 'fails'} when ${situation}`, () => {
      const tally = new Tally();
      tally.add(injection('bigquery.jobs.insert'), { outcome: 'survived' });

      tally.add(injection(name), verdict satisfies Verdict);

      assert.equal(tally.isPassed, isPassed);
    });
  }

  it('fails when nothing was injected', () => {
    const tally = new Tally();
    assert.equal(tally.isPassed, false);
    tally.add(injection('bigquery.jobs.get'), { outcome: 'not met' });
    assert.equal(tally.isPassed, false);
  });
});
