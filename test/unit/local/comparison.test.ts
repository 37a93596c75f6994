import assert from 'node:assert/strict';
import { isSame } from '../../local/compare/comparable.ts';
import { compareRows, describeFindings } from '../../local/compare/compare.ts';
import { isHeld } from '../../local/compare/is-held.ts';
import { DEFAULT_RULES, isAsConfigured, type Rules } from '../../local/compare/rules.ts';

type Row = (string | null)[];

const column = (name: string, type: string) => ({ name, type, isRepeated: false });
const COLUMNS = [column('id', 'INTEGER'), column('name', 'STRING'), column('is_deleted', 'BOOLEAN')];

/** Compares rows of (id, name, updated_at) with target rows of (id, name, is_deleted). */
function compare(source: Row[], target: Row[], targetColumns = COLUMNS) {
  return compareRows(
    { view: 'pmr_project', keyColumn: 'id' },
    {
      columns: ['id', 'name', 'updated_at'],
      unreadable: new Map(),
      rows: new Map(source.map(([id = null, ...rest]) => [String(id), [id, ...rest]])),
    },
    {
      columns: targetColumns,
      rows: (async function* () {
        yield* target;
      })(),
    },
  );
}

describe('the comparison', () => {
  it('treats equal rows as equal in any order and ignores the technical columns', async () => {
    const source = [
      ['1', 'a', '2024-01-01'],
      ['2', null, null],
    ];
    const compared = await compare(source, [
      ['2', null, 'false'],
      ['1', 'a', 'false'],
    ]);
    assert.equal(compared.consistent, true);
    assert.deepEqual([compared.sourceRows, compared.targetRows], [2, 2]);
    assert.deepEqual(describeFindings(compared), []);
  });

  it('names key, column and both values of a difference, and distinguishes NULL from an empty text', async () => {
    const compared = await compare([['1', null, null]], [['1', '', 'false']]);
    assert.equal(compared.consistent, false);
    assert.deepEqual(describeFindings(compared), [
      'pmr_project: key 1, column name: source NULL, target ""',
      'pmr_project: in total: different values 1',
    ]);
  });

  it('names missing, surplus and duplicate rows', async () => {
    const source = [
      ['1', 'a', null],
      ['2', 'b', null],
    ];
    const compared = await compare(source, [
      ['2', 'b', 'false'],
      ['2', 'b', 'false'],
      ['3', 'c', 'false'],
    ]);
    assert.deepEqual(describeFindings(compared), [
      'pmr_project: key 2: duplicate in the target',
      'pmr_project: key 3: not in the source',
      'pmr_project: key 1: missing in the target',
      'pmr_project: in total: rows with a duplicate key 1, rows not in the source 1, rows missing from the target 1',
    ]);
  });

  it('names columns that exist on only one side', async () => {
    const compared = await compare(
      [['1', 'a', null]],
      [['1', 'a']],
      [column('id', 'INTEGER'), column('title', 'STRING')],
    );
    assert.deepEqual(describeFindings(compared).slice(0, 2), [
      'pmr_project: column missing in the target: name',
      'pmr_project: column not in the source: title',
    ]);
  });

  it('shows the first twenty differences and counts them all', async () => {
    const source = Array.from({ length: 1500 }, (_, i) => [String(i), 'a', null]);
    const lines = describeFindings(await compare(source, []));
    assert.equal(lines.length, 21);
    assert.equal(lines.at(-1), 'pmr_project: in total: rows missing from the target 1,500');
  });

  const EQUAL: [type: string, source: string, target: string][] = [
    ['INTEGER', '9223372036854775807', '9223372036854775807'],
    ['FLOAT', '1e+21', '1.0E21'],
    ['FLOAT', 'NaN', 'NaN'],
    ['FLOAT', '-Infinity', '-inf'],
    ['NUMERIC', '1.50', '1.5'],
    ['BIGNUMERIC', '-0.00', '0'],
    ['BOOLEAN', 't', 'true'],
    ['DATE', '2024-02-29', '2024-02-29'],
    ['DATETIME', '2024-02-29 23:59:59.5', '2024-02-29T23:59:59.500000'],
    ['TIME', '08:00:00', '08:00:00'],
    ['TIMESTAMP', '2024-02-29 23:59:59.123456+00', '1709251199123456'],
    ['TIMESTAMP', '1969-12-31 23:59:59.999999+00', '-1'],
    ['TIMESTAMP', '2024-02-29 23:59', '1709251140000000'],
    ['BYTES', '\\x00ff', 'AP8='],
    ['JSON', '{"b": [1, 2.50], "a": null}', '{"a":null,"b":[1,2.5]}'],
    [
      'JSON',
      '{"a": 1, "a": 2, "n": [1e2, -0, 1000000000000000000000000000000]}',
      '{"a":2,"n":[100,0,1e+30]}',
    ],
    ['TIMESTAMP', '2024-01-01', '1704067200000000'],
    ['TIMESTAMP', '1999-12-31T23:30:00-01:30', '946688400000000'],
    ['NUMERIC', '1e3', '1000'],
    ['BIGNUMERIC', '0.10', '1e-1'],
  ];
  for (const [type, source, target] of EQUAL) {
    it(`treats ${type} ${source} and ${target} as equal`, () => {
      assert.ok(isSame(type, source, target));
    });
  }

  const DIFFERENT: [type: string, source: string | null, target: string | null][] = [
    ['INTEGER', '9007199254740993', '9007199254740992'],
    ['FLOAT', '0.1', '0.10000000000000002'],
    ['FLOAT', 'NaN', 'Infinity'],
    ['NUMERIC', '0.000000001', '0'],
    ['STRING', 'a', 'a '],
    ['STRING', 'é', 'e\u0301'],
    ['TIMESTAMP', '2024-02-29 23:59:59.123456+00', '1709251199123457'],
    ['TIMESTAMP', null, '0'],
    ['JSON', '{"a": 9007199254740993}', '{"a": 9007199254740992}'],
    ['JSON', '{"a": 1}', '{"a": "1"}'],
    ['JSON', 'null', null],
    ['JSON', '18446744073709551615', '18446744073709551614'],
    ['TIMESTAMP', 'infinity', '0'],
    ['TIMESTAMP', '2023-02-30 10:00', '1677751200000000'],
  ];
  for (const [type, source, target] of DIFFERENT) {
    it(`treats ${type} ${source} and ${target} as different`, () => {
      assert.ok(!isSame(type, source, target));
    });
  }

  it('compares arrays element by element', () => {
    assert.ok(isSame('NUMERIC', ['1.50', null], ['1.5', null]));
    assert.ok(!isSame('NUMERIC', ['1', '2'], ['2', '1']));
    assert.ok(!isSame('NUMERIC', ['1'], ['1', '1']));
    assert.ok(!isSame('NUMERIC', [], null));
  });

  const UNHELD: [type: string, value: string | (string | null)[]][] = [
    ['NUMERIC', 'NaN'],
    ['NUMERIC', '1'.repeat(30)],
    ['BIGNUMERIC', 'Infinity'],
    ['BIGNUMERIC', `0.${'0'.repeat(38)}1`],
    ['BIGNUMERIC', '600000000000000000000000000000000000000'],
    ['DATE', 'infinity'],
    ['DATE', '0044-03-15 BC'],
    ['DATE', '10000-01-01'],
    ['DATETIME', '10000-01-01 00:00:00'],
    ['TIMESTAMP', '-infinity'],
    ['TIMESTAMP', '0001-12-31 17:00:00+00 BC'],
    ['TIMESTAMP', 'yesterday'],
    ['TIME', '24:00:00'],
    ['JSON', '[18446744073709551616]'],
    ['JSON', '0.12345678901234567890123'],
    ['JSON', '{"a":"\\ud800"}'],
    ['JSON', '"\\u0000"'],
    ['JSON', `${'['.repeat(501)}${']'.repeat(501)}`],
    ['INTEGER', ['1', null]],
    ['INTEGER', '{{1,2},{3,4}}'],
    ['DATE', ['2024-01-01', 'infinity']],
    ['JSON', ['null']],
  ];
  for (const [type, value] of UNHELD) {
    const isRepeated = Array.isArray(value) || value.startsWith('{{');
    const shown = JSON.stringify(value).slice(0, 40);
    it(`takes NULL for ${type} ${shown} only where the policy says so`, () => {
      const column = { name: 'c', type, isRepeated };
      const values = { source: value, target: isRepeated ? [] : null };
      const rules: Rules = { ...DEFAULT_RULES, unrepresentable: { c: 'null' } };
      assert.equal(isHeld(type, isRepeated, value), false);
      assert.equal(isAsConfigured(column, values, rules), true);
      assert.equal(isAsConfigured(column, values, DEFAULT_RULES), false);
    });
  }

  const HELD: [type: string, value: string | string[]][] = [
    ['NUMERIC', `${'9'.repeat(29)}.${'9'.repeat(9)}`],
    ['BIGNUMERIC', '-500000000000000000000000000000000000000'],
    ['DATE', '0001-01-01'],
    ['TIMESTAMP', '9999-12-31 23:59:59.999999+00'],
    ['TIME', '23:59:59.999999'],
    ['JSON', '[18446744073709551615, -9223372036854775808, 0.1]'],
    ['JSON', `${'['.repeat(500)}${']'.repeat(500)}`],
    ['INTEGER', ['1', '2']],
    ['STRING', 'infinity'],
  ];
  for (const [type, value] of HELD) {
    it(`does not take NULL for ${type} ${JSON.stringify(value).slice(0, 40)}, which BigQuery holds, whatever the policy`, () => {
      const isRepeated = Array.isArray(value);
      const rules: Rules = { ...DEFAULT_RULES, unrepresentable: { c: 'null' } };
      const values = { source: value, target: isRepeated ? [] : null };
      assert.equal(isAsConfigured({ name: 'c', type, isRepeated }, values, rules), false);
    });
  }

  it('takes NULL of a streamed partition column for a date far from now', () => {
    const column = { name: 'day', type: 'DATE', isRepeated: false };
    const rules: Rules = { ...DEFAULT_RULES, unrepresentable: { day: 'null' }, streamedPartition: 'day' };
    const today = new Date().toISOString().slice(0, 10);
    assert.equal(isAsConfigured(column, { source: '1999-01-01', target: null }, rules), true);
    assert.equal(isAsConfigured(column, { source: today, target: null }, rules), false);
    const merged: Rules = { ...rules, streamedPartition: null };
    assert.equal(isAsConfigured(column, { source: '1999-01-01', target: null }, merged), false);
  });

  it('names a column of a type for which it has no rule, and compares the others', async () => {
    const columns = [column('id', 'INTEGER'), column('name', 'GEOGRAPHY'), column('is_deleted', 'BOOLEAN')];
    const compared = await compare([['1', 'a', null]], [['1', 'b', 'false']], columns);
    assert.equal(compared.consistent, false);
    assert.deepEqual(describeFindings(compared), [
      'pmr_project: column name was not compared: no rule compares values of type GEOGRAPHY',
    ]);
  });

  it('refuses a type for which it has no rule', () => {
    assert.throws(() => isSame('GEOGRAPHY', 'a', 'a'), /type GEOGRAPHY cannot be compared/);
  });
});
