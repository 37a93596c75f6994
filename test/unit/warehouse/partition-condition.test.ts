import assert from 'node:assert/strict';
import type { BigQueryType } from '../../../shared/model/columns.ts';
import { partitionCondition } from '../../../shared/warehouse/partition-condition.ts';
import type { Granularity } from '../../../shared/warehouse/tables-sql.ts';

const micros = (iso: string): string => `${BigInt(Date.parse(iso)) * 1000n + 7n}`;

const condition = (type: BigQueryType, granularity: Granularity, texts: string[]): string =>
  partitionCondition({ column: 'at', type, granularity, texts: new Set(texts) });

describe('the partitions of some rows', () => {
  it('are named by literals, each once, and NULL only if a row has it', () => {
    assert.equal(
      condition('TIMESTAMP', 'hour', [
        micros('2026-01-31T23:59:59Z'),
        micros('2026-01-31T23:00:00Z'),
        micros('1969-12-31T23:59:59.999Z'),
      ]),
      "(timestamp_trunc(v_target.`at`, hour) in (timestamp '1969-12-31 23:00:00 UTC', timestamp '2026-01-31 23:00:00 UTC'))",
    );
    assert.equal(
      condition('DATE', 'day', ['-1', '~']),
      "(v_target.`at` in (date '1969-12-31') or v_target.`at` is null)",
    );
    assert.equal(
      condition('DATE', 'year', ['0', '364', '365']),
      "(date_trunc(v_target.`at`, year) in (date '1970-01-01', date '1971-01-01'))",
    );
  });

  it('are bounds for a DATETIME, of which no function prunes', () => {
    assert.equal(
      condition('DATETIME', 'month', [micros('2026-03-09T01:02:03.004Z'), micros('2026-01-31T00:00:00Z')]),
      "(v_target.`at` between datetime '2026-01-01 00:00:00' and datetime '2026-03-09 01:02:03.004999')",
    );
  });

  it('hold the last microsecond before a partition begins, and the last of all times', () => {
    assert.equal(
      condition('TIMESTAMP', 'year', ['-1', '253402300799999999']),
      "(timestamp_trunc(v_target.`at`, year) in (timestamp '1969-01-01 00:00:00 UTC', timestamp '9999-01-01 00:00:00 UTC'))",
    );
  });

  it('are none where no target can have the values', () => {
    assert.equal(condition('DATE', 'month', ['!']), 'false');
  });
});
