import assert from 'node:assert/strict';
import type { Column } from '../../../shared/model/columns.ts';
import { columnChanges, describeChange } from '../../../shared/warehouse/columns-match.ts';

const EXPECTED: Column[] = [
  { name: 'project_id', type: 'INT64', mode: 'REQUIRED' },
  { name: 'share', type: 'FLOAT64', mode: 'NULLABLE' },
  { name: 'has_pm', type: 'BOOL', mode: 'NULLABLE' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
];

describe('the columns of a table', () => {
  it('match when the API uses older type names and omits the mode', () => {
    const found = [
      { name: 'tags', type: 'STRING', mode: 'REPEATED' },
      { name: 'has_pm', type: 'BOOLEAN' },
      { name: 'share', type: 'FLOAT', mode: 'NULLABLE' },
      { name: 'project_id', type: 'INTEGER', mode: 'REQUIRED' },
    ];

    assert.deepEqual(columnChanges(EXPECTED, found), []);
  });

  it('takes a type named like a property of every object for an unknown type', () => {
    const [column] = EXPECTED.slice(1, 2);
    assert.ok(column);
    for (const type of ['constructor', 'toString', '__proto__']) {
      const [difference, ...others]: string[] = columnChanges([column], [{ name: 'share', type }]).map(
        describeChange,
      );
      assert.deepEqual([others, difference?.includes(type)], [[], true], difference);
    }
  });

  it('differ by every one that is missing, different or unexpected', () => {
    const found = [
      { name: 'project_id', type: 'INTEGER' },
      { name: 'share', type: 'NUMERIC' },
      { name: 'tags', type: 'STRING' },
      { name: 'has_sla', type: 'BOOLEAN' },
    ];

    assert.deepEqual(columnChanges(EXPECTED, found).map(describeChange), [
      'column project_id is NULLABLE INT64 instead of REQUIRED INT64',
      'column share is NULLABLE NUMERIC instead of NULLABLE FLOAT64',
      'column has_pm (BOOL) is missing',
      'column tags is NULLABLE STRING instead of REPEATED STRING',
      'column has_sla is not in the view',
    ]);
  });

  it('differ by one that is written in other letters, which BigQuery does not tell apart', () => {
    const found = [
      { name: 'project_id', type: 'INTEGER', mode: 'REQUIRED' },
      { name: 'Share', type: 'FLOAT' },
      { name: 'has_pm', type: 'BOOLEAN' },
      { name: 'TAGS', type: 'STRING', mode: 'REPEATED' },
    ];

    assert.deepEqual(columnChanges(EXPECTED, found).map(describeChange), [
      'column share is written Share in the table, and BigQuery takes both for one name',
      'column tags is written TAGS in the table, and BigQuery takes both for one name',
    ]);
  });
});
