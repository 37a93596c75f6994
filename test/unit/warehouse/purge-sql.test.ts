import assert from 'node:assert/strict';
import { purgeSql } from '../../../shared/warehouse/purge-sql.ts';

const DATASETS = { projectId: 'p', temp: 'T', target: 'D', view: 'V' };
const PURGE = { target: 'rich', before: new Date('2026-01-01T00:00:00Z') };

describe('the statement of a purge', () => {
  const deleted = (column: string, type: 'DATE' | 'DATETIME' | 'TIMESTAMP') =>
    /delete from[^;]*;/.exec(purgeSql(DATASETS, PURGE, { column, granularity: 'month' }, type))?.[0] ?? '';

  it('names the partitions of its rows in a form by which BigQuery prunes', () => {
    assert.match(deleted('day', 'DATE'), /date_trunc\(v_target\.`day`, month\) in unnest\(v_partitions\)/);
    assert.match(
      deleted('moment', 'TIMESTAMP'),
      /timestamp_trunc\(v_target\.`moment`, month\) in unnest\(v_partitions\)/,
    );
    assert.match(deleted('written', 'DATETIME'), /v_target\.`written` between v_first and v_last/);
    for (const type of ['DATE', 'DATETIME', 'TIMESTAMP'] as const) {
      assert.match(deleted('part', type), /or v_has_null and v_target\.`part` is null/);
    }
  });

  it('needs no partitions where update_at is the partition column, or where there is none', () => {
    assert.doesNotMatch(deleted('update_at', 'TIMESTAMP'), /v_partitions/);
    assert.doesNotMatch(purgeSql(DATASETS, PURGE, null, 'TIMESTAMP'), /v_partitions/);
  });
});
