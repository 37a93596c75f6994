import assert from 'node:assert/strict';
import { adviceLine } from '../../../cli/output/advice.ts';

describe('the advice of a function on the command line', () => {
  const cases: [advice: string, expected: string][] = [
    ['Then send {"view":"a_b","redrive":true}.', 'Then run datahub redrive a_b.'],
    [
      'If so, send {"view":"v","resync":true,"acceptDeletes":true}. If not, do nothing.',
      'If so, run datahub resync v --accept-deletes. If not, do nothing.',
    ],
    [
      'Schedule resyncs of the view: {"view":"v","resync":true} after each refresh.',
      'Schedule resyncs of the view: datahub resync v after each refresh.',
    ],
    [
      'Call {"status":true}: it lists the unresolved failures.',
      'Run datahub status: it lists the unresolved failures.',
    ],
    ['Send {"view":"v","reconcile":true,"repair":true}.', 'Run datahub reconcile v --repair.'],
    ['Send {"view":"v"} again.', 'Run datahub run v again.'],
  ];
  for (const [advice, expected] of cases) {
    it(`names commands in place of payloads: ${advice}`, () => assert.equal(adviceLine(advice), expected));
  }

  for (const advice of [
    'Send {"import": […]} with the list of view sources.',
    'Send {"view":"v","acceptCost":true}.',
    'Send {"view":"v; rm","resync":true}.',
    'Withdraw it: {"view":"v","resync":false}.',
    '"lookups": [{"table":"t","column":"c"}]',
  ]) {
    it(`leaves what is no command: ${advice}`, () => assert.equal(adviceLine(advice), advice));
  }
});
