import assert from 'node:assert/strict';
import type { Injection, Verdict } from '../../faults/every-call/inject.ts';
import { Tally } from '../../faults/every-call/tally.ts';

const injection = (name: string): Injection => ({
  situation: { functionName: 'merge', view: 'pmr_project', work: 'incremental' } as Injection['situation'],
  call: { server: 'bigquery', name, nth: 1 },
  kind: 'error before the effect',
});

describe('the tally of injected faults', () => {
  for (const [what, name, verdict, isPassed] of [
    ['one was survived', 'bigquery.jobs.insert', { outcome: 'survived' }, true],
    ['one was not survived', 'bigquery.jobs.insert', { outcome: 'not survived', why: 'stuck' }, false],
    ['one more poll was not made', 'bigquery.jobs.get', { outcome: 'not injected' }, true],
    [
      'one more heartbeat was not made',
      'control: update etl.lease set expires_at = now()',
      { outcome: 'not injected' },
      true,
    ],
    [
      'one more of anything else was not made',
      'bigquery.jobs.getQueryResults',
      { outcome: 'not injected' },
      false,
    ],
  ] as const) {
    it(`${isPassed ? 'passes' : 'fails'} when ${what}`, () => {
      const tally = new Tally();
      tally.add(injection('bigquery.jobs.insert'), { outcome: 'survived' });

      tally.add(injection(name), verdict satisfies Verdict);

      assert.equal(tally.isPassed, isPassed);
    });
  }

  it('fails when nothing was injected', () => {
    const tally = new Tally();
    assert.equal(tally.isPassed, false);
    tally.add(injection('bigquery.jobs.get'), { outcome: 'not injected' });
    assert.equal(tally.isPassed, false);
  });
});
