import assert from 'node:assert/strict';
import { assertTransition, IN_FLIGHT, NEXT, type State } from '../../../shared/model/batch-states.ts';

/** The arrows of docs/architecture.md#states, written down a second time: from, to. */
const ALLOWED = new Set([
  'extracting staged',
  'extracting abandoned',
  'extracting failed',
  'staged applying',
  'staged abandoned',
  'staged failed',
  'applying applied',
  'applying staged',
  'applying failed',
  'failed abandoned',
]);

const STATES = Object.keys(NEXT) as State[];

describe('an ETL transaction', () => {
  for (const from of STATES) {
    for (const to of STATES) {
      const isAllowed = ALLOWED.has(`${from} ${to}`);
      it(`${isAllowed ? 'can' : 'cannot'} go from ${from} to ${to}`, () => {
        if (isAllowed) assertTransition(from, to);
        else assert.throws(() => assertTransition(from, to), new RegExp(`cannot go from ${from} to ${to}`));
      });
    }
  }

  it('stays applied or abandoned for good', () => {
    assert.deepEqual(
      STATES.filter((state) => NEXT[state].length === 0),
      ['applied', 'abandoned'],
    );
  });

  it('I4 holds its view while it is extracting, staged or applying', () => {
    assert.deepEqual([...IN_FLIGHT], ['extracting', 'staged', 'applying']);
  });
});
