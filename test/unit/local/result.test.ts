import assert from 'node:assert/strict';
import { describeCheck, type ViewCheck } from '../../local/check-views.ts';
import type { Comparison } from '../../local/compare/compare.ts';
import { wordsOf } from '../../local/line.ts';
import { exitCodeOf, formatResult, resultOf } from '../../local/result.ts';
import type { ViewState } from '../../local/view-states.ts';

const state = { name: 'pmr_project', loadType: 'merge', added: 1200, changed: 2, deleted: 0, batches: 3 };
const comparison: Comparison = {
  ...{ view: 'pmr_project', sourceRows: 1200, targetRows: 1200, examples: [] },
  ...{ totals: new Map(), notCompared: new Map(), consistent: true },
};
const check: ViewCheck = {
  ...{ view: 'pmr_project', differences: 1100, repaired: 1100, classes: { 'bypassed the log': 1100 } },
  ...{ consistent: true, why: null },
};

const resultWith = ({ judge = true, reconcile = true }) =>
  resultOf(
    [state as unknown as ViewState],
    {
      checks: [{ ...check, consistent: reconcile }],
      comparisons: [{ ...comparison, ...(!judge && { totals: new Map([['value', 1]]), consistent: false }) }],
    },
    1.25,
  );

describe('the result of a run', () => {
  it('shows what reconcile found and repaired in each view', () => {
    const result = resultWith({});

    assert.partialDeepStrictEqual(result.views[0], { differences: 1100, repaired: 1100, consistent: true });
    const [header, row, verdict] = formatResult(result).map(wordsOf);
    assert.match(header ?? '', /differed {2}repaired {2}result$/);
    assert.match(row ?? '', /1,100 +1,100 {2}equal$/);
    assert.match(verdict ?? '', /^Source and target are equal/);
  });

  it('is consistent only if both the comparison and reconcile say so', () => {
    for (const [judge, reconcile] of [
      [false, true],
      [true, false],
    ] as const) {
      const result = resultWith({ judge, reconcile });
      assert.equal(result.consistent, false);
      assert.match(wordsOf(formatResult(result)[1] ?? ''), /DIFFERENT$/);
    }
    assert.equal(resultWith({}).consistent, true);
    assert.equal(resultOf([], { checks: [], comparisons: [] }, 1).consistent, false);
  });

  it('does not claim that a column is equal that was not compared', () => {
    const notCompared = new Map([['price', 'no rule']]);
    const result = (totals: Comparison['totals']) =>
      resultOf(
        [state as unknown as ViewState],
        { checks: [check], comparisons: [{ ...comparison, notCompared, totals, consistent: false }] },
        1,
      );

    const unknown = result(new Map());
    assert.partialDeepStrictEqual(unknown, {
      consistent: false,
      views: [{ not_compared: { price: 'no rule' } }],
    });
    assert.equal(exitCodeOf(unknown), 3);
    const shown = formatResult(unknown).map(wordsOf);
    assert.match(shown[1] ?? '', /NOT WHOLLY COMPARED$/);
    assert.match(shown[2] ?? '', /^No difference was found, but NOT EVERYTHING WAS COMPARED/);
    assert.equal(exitCodeOf(result(new Map([['value', 1]]))), 1, 'a difference says more');
    assert.equal(exitCodeOf(resultWith({})), 0);
    assert.equal(exitCodeOf(resultOf([], { checks: [], comparisons: [] }, 1)), 1);
  });

  it('says why rows differed, and why they were not repaired', () => {
    assert.deepEqual(describeCheck(check), [
      'pmr_project: 1,100 rows differed (bypassed the log 1,100), 1,100 repaired',
    ]);
    assert.deepEqual(describeCheck({ ...check, differences: 0, repaired: 0, classes: {} }), []);
    assert.deepEqual(
      describeCheck({
        ...{ ...check, differences: 1, repaired: 0, classes: {}, consistent: false, why: 'too many' },
      }),
      ['pmr_project: 1 row differed, 0 repaired; too many'],
    );
  });
});
