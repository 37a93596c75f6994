import assert from 'node:assert/strict';
import { textOf } from '../../../cli/query-warehouse.ts';

// As BigQuery's REST API answers: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults
describe('a value of BigQuery', () => {
  for (const [type, value, text] of [
    ['INTEGER', '9223372036854775807', '9223372036854775807'],
    ['NUMERIC', '1.500', '1.500'],
    ['STRING', '', ''],
    ['STRING', null, null],
    ['TIMESTAMP', '1769846400123456', '2026-01-31 08:00:00.123456 UTC'],
    ['TIMESTAMP', '-1', '1969-12-31 23:59:59.999999 UTC'],
  ] as const) {
    it(`keeps every digit: ${type} ${value}`, () => {
      assert.equal(textOf(value, { name: 'x', type }), text);
    });
  }

  it('is JSON if it is a list or a structure', () => {
    const list = [{ v: '1' }, { v: null }];
    assert.equal(textOf(list, { name: 'x', type: 'INTEGER', mode: 'REPEATED' }), '["1",null]');
    const fields = [
      { name: 'a', type: 'STRING' },
      { name: 'b', type: 'TIMESTAMP', mode: 'REPEATED' },
    ];
    assert.equal(
      textOf({ f: [{ v: 'x' }, { v: [{ v: '0' }] }] }, { name: 'x', type: 'RECORD', fields }),
      '{"a":"x","b":["1970-01-01 00:00:00.000000 UTC"]}',
    );
  });
});
