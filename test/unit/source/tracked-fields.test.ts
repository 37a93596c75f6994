import assert from 'node:assert/strict';
import { fieldColumns, fieldNames } from '../../../shared/source/tracked-fields.ts';

const COLUMNS = ['id', 'region_id', 'name', 'CUST-NM', 'REGION_id2'];

describe('the columns of a Django field', () => {
  for (const [field, columns] of [
    ['name', ['name']],
    ['region', ['region_id']],
    ['region_id', ['region_id']],
    ['cust_nm', ['CUST-NM']],
    ['CUST-NM', ['CUST-NM']],
    ['customer_name', []],
    ['', []],
  ] as const) {
    it(`named ${JSON.stringify(field)} are ${columns.join(', ') || 'unknown'}`, () => {
      assert.deepEqual(fieldColumns(field, COLUMNS), columns);
    });
  }

  it('have these names, as far as the names tell', () => {
    assert.deepEqual(fieldNames(['region_id', 'CUST-NM', 'name']), [
      'region_id',
      'region',
      'CUST-NM',
      'cust_nm',
      'name',
    ]);
  });
});
