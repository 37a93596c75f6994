import assert from 'node:assert/strict';
import { assertTransition, IN_FLIGHT, NEXT, type State } from '../../../shared/model/batch-states.ts';

/** As design and README draw it, written out once more: from, to. */
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

describe('the states of an ETL transaction', () => {
  for (const from of STATES) {
    for (const to of STATES) {
      const isAllowed = ALLOWED.has(`${from} ${to}`);
      it(`${isAllowed ? 'lead' : 'do not lead'} from ${from} to ${to}`, () => {
        if (isAllowed) assertTransition(from, to);
        else assert.throws(() => assertTransition(from, to), new RegExp(`cannot go from ${from} to ${to}`));
      });
    }
  }

  it('end in applied and abandoned: what was applied or covered anew stays so', () => {
    assert.deepEqual(
      STATES.filter((state) => NEXT[state].length === 0),
      ['applied', 'abandoned'],
    );
  });

  it('I4 hold the view in those that lead to applied', () => {
    assert.deepEqual([...IN_FLIGHT], ['extracting', 'staged', 'applying']);
  });
});
