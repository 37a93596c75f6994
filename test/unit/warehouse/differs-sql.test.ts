import assert from 'node:assert/strict';
import { differsSql } from '../../../shared/warehouse/differs-sql.ts';

describe('the comparison of two values of a column', () => {
  it('tells a missing JSON value from the null of JSON, whose text is the same', () => {
    assert.match(differsSql({ type: 'JSON', mode: 'NULLABLE' }, 'a', 'b'), /\(a is null\) != \(b is null\)/);
  });

  it('contains no subquery, which a clause of a MERGE could not have', () => {
    for (const type of ['FLOAT64', 'JSON', 'STRING'] as const) {
      for (const mode of ['NULLABLE', 'REPEATED'] as const) {
        assert.doesNotMatch(differsSql({ type, mode }, 'a', 'b'), /select/);
      }
    }
  });
});
