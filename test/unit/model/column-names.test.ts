import assert from 'node:assert/strict';
import { columnNameFaults } from '../../../shared/model/columns.ts';

describe('the names of a view’s columns', () => {
  it('are accepted if BigQuery accepts them', () => {
    assert.deepEqual(
      columnNameFaults([
        'id',
        '_x',
        'A1',
        'select',
        'constructor',
        'x'.repeat(63),
        '_tab',
        '1st',
        'Item Id',
        'a-b',
        'ชื่อ',
      ]),
      [],
    );
  });

  for (const name of [
    '',
    'a.b',
    'a`b',
    'a"b',
    "a'b",
    'a;b',
    'a\\b',
    'a\nb',
    'a\n',
    'a\0',
    'a$1',
    '%s',
    'a(b)',
  ]) {
    it(`I12 are refused if BigQuery does not accept them: ${JSON.stringify(name)}`, () => {
      const [fault, ...others] = columnNameFaults(['id', name]);

      assert.deepEqual(others, []);
      assert.match(String(fault), /has a name that BigQuery does not accept: rename it in the view, with/);
      assert.ok(fault?.startsWith(`column ${JSON.stringify(name)} `));
    });
  }

  for (const name of ['_TABLE_SUFFIX', '_file_name', '_PARTITIONTIME', '_CHANGE_TYPE', '__root__x']) {
    it(`are refused if BigQuery reserves their prefix: ${name}`, () => {
      assert.deepEqual(columnNameFaults([name]), [
        `column "${name}" begins with a prefix that BigQuery reserves: rename it in the view`,
      ]);
    });
  }

  it('are refused if they differ only by case', () => {
    assert.deepEqual(columnNameFaults(['name', 'NAME', 'other']), [
      'column "NAME" differs from column "name" only by case, which BigQuery ignores: rename one in the view',
    ]);
  });
});
