/** A PostgreSQL literal, and the text of the value in the staged JSON. */
type Value = [literal: string, staged: string];

const NESTED_500 = `${'['.repeat(500)}${']'.repeat(500)}`;
/** Deeper than PostgreSQL's jsonb parser can read. */
const NESTED_20000 = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
/** Many brackets, but inside a string, or side by side. */
const BRACKETS = '['.repeat(2000);
const FLAT = Array.from({ length: 1000 }, () => '[]').join(', ');

/** The types of docs/architecture.md#types, the BigQuery types that they become, and values at their limits. */
export const TYPES: [type: string, becomes: string, values: Value[]][] = [
  [
    'smallint',
    'INT64',
    [
      [`'-32768'`, '-32768'],
      ['32767', '32767'],
      ['null', 'null'],
    ],
  ],
  [
    'integer',
    'INT64',
    [
      ['2147483647', '2147483647'],
      [`'-2147483648'`, '-2147483648'],
      ['0', '0'],
    ],
  ],
  [
    'bigint',
    'INT64',
    [
      ['9007199254740992', '9007199254740992'],
      ['9007199254740993', '"9007199254740993"'],
      [`'-9007199254740992'`, '-9007199254740992'],
      [`'-9007199254740993'`, '"-9007199254740993"'],
      [`'-9223372036854775808'`, '"-9223372036854775808"'],
      [`'9223372036854775807'`, '"9223372036854775807"'],
    ],
  ],
  [
    'oid',
    'INT64',
    [
      [`'4294967295'`, '4294967295'],
      ['0', '0'],
    ],
  ],
  [
    'real',
    'FLOAT64',
    [
      ['0.1', '0.10000000149011612'],
      [`'NaN'`, '"NaN"'],
      ['1e-45', '1.401298464324817e-45'],
      ['3.4028235e38', '3.4028234663852886e+38'],
      [`'-Infinity'`, '"-Infinity"'],
    ],
  ],
  [
    'double precision',
    'FLOAT64',
    [
      ['0.1', '0.1'],
      [`'-Infinity'`, '"-Infinity"'],
      ['1.7976931348623157e308', '1.7976931348623157e+308'],
      [`'-1.7976931348623157e308'`, '-1.7976931348623157e+308'],
      ['5e-324', '5e-324'],
      [`'-0'`, '"-0.0"'],
      [`'Infinity'`, '"Infinity"'],
    ],
  ],
  [
    'numeric(38,9)',
    'NUMERIC',
    [
      ['-12345678901234567890123456789.123456789', '"-12345678901234567890123456789.123456789"'],
      [`'${'9'.repeat(29)}.${'9'.repeat(9)}'`, `"${'9'.repeat(29)}.${'9'.repeat(9)}"`],
      ['0.000000001', '"0.000000001"'],
    ],
  ],
  ['numeric(5,-2)', 'NUMERIC', [['1234500', '"1234500"']]],
  ['numeric(39,9)', 'BIGNUMERIC', [['1', '"1.000000000"']]],
  ['numeric(38,10)', 'BIGNUMERIC', [['0.0000000001', '"0.0000000001"']]],
  [
    'numeric(76,38)',
    'BIGNUMERIC',
    [
      [`'${'9'.repeat(38)}.${'9'.repeat(38)}'`, `"${'9'.repeat(38)}.${'9'.repeat(38)}"`],
      [`'-${'9'.repeat(38)}.${'9'.repeat(38)}'`, `"-${'9'.repeat(38)}.${'9'.repeat(38)}"`],
    ],
  ],
  [
    'numeric(40,1)',
    'STRING',
    [
      ['1.5', '"1.5"'],
      [`'NaN'`, '"NaN"'],
    ],
  ],
  [
    'numeric',
    'BIGNUMERIC',
    [
      [`'1e-38'`, `"0.${'0'.repeat(37)}1"`],
      [`'-5e38'`, `"-5${'0'.repeat(38)}"`],
      ['1.50', '"1.50"'],
    ],
  ],
  [
    'boolean',
    'BOOL',
    [
      ['true', 'true'],
      ['false', 'false'],
    ],
  ],
  [
    'text',
    'STRING',
    [
      [`E'a"\\\\\\t\\n\\r\\x01\\x02 {,} 🔧 กุญแจ'`, String.raw`"a\"\\\t\n\r\u0001\u0002 {,} 🔧 กุญแจ"`],
      [`''`, '""'],
      // Line breaks beyond ASCII, a byte order mark, a noncharacter, the last code point, and control characters.
      [
        `E'\\u0085\\u2028\\u2029\\ufeff\\uffff\\U0010ffff\\x7f\\x1f'`,
        `"\u0085\u2028\u2029\ufeff\uffff\u{10ffff}\x7f\\u001f"`,
      ],
      // Two texts that look alike: a letter with its accent as one code point, and as two.
      [`E'\\u00e9'`, '"\u00e9"'],
      [`E'e\\u0301'`, '"e\u0301"'],
      [`' \\N '`, String.raw`" \\N "`],
      [`'\\.'`, String.raw`"\\."`],
      [`'NULL'`, '"NULL"'],
    ],
  ],
  ['varchar(3)', 'STRING', [[`'abc'`, '"abc"']]],
  ['char(3)', 'STRING', [[`'ab'`, '"ab "']]],
  ['uuid', 'STRING', [[`'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`, '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"']]],
  [
    'inet',
    'STRING',
    [
      [`'10.0.0.1'`, '"10.0.0.1"'],
      [`'10.0.0.1/24'`, '"10.0.0.1/24"'],
      [`'::1'`, '"::1"'],
    ],
  ],
  ['cidr', 'STRING', [[`'10.0.0.0/8'`, '"10.0.0.0/8"']]],
  ['macaddr', 'STRING', [[`'08:00:2b:01:02:03'`, '"08:00:2b:01:02:03"']]],
  ['mood', 'STRING', [[`'very sad'`, '"very sad"']]],
  ['xml', 'STRING', [[`'<a b="1"/>'`, String.raw`"<a b=\"1\"/>"`]]],
  [
    'interval',
    'STRING',
    [[`'1 year 2 months -3 days 04:05:06.789'`, '"1 year 2 mons -3 days +04:05:06.789"']],
  ],
  ['timetz', 'STRING', [[`'12:00:00.5+07'`, '"12:00:00.5+07"']]],
  ['int4range', 'STRING', [[`'[1,5]'`, '"[1,6)"']]],
  ['int4multirange', 'STRING', [[`'{[1,2],[5,6]}'`, '"{[1,3),[5,7)}"']]],
  ['bit(3)', 'STRING', [[`'101'`, '"101"']]],
  ['point', 'STRING', [[`'(1,2)'`, '"(1,2)"']]],
  [
    'bytea',
    'BYTES',
    [
      [`'\\x00ff10'`, '"AP8Q"'],
      [`''`, '""'],
      [`decode(repeat('ff', 60), 'hex')`, `"${'/'.repeat(80)}"`],
    ],
  ],
  [
    'date',
    'DATE',
    [
      [`'0001-01-01'`, '"0001-01-01"'],
      [`'9999-12-31'`, '"9999-12-31"'],
      [`'1969-12-31'`, '"1969-12-31"'],
    ],
  ],
  [
    'timestamp',
    'DATETIME',
    [
      [`'0001-01-01'`, '"0001-01-01T00:00:00"'],
      [`'9999-12-31 23:59:59.999999'`, '"9999-12-31T23:59:59.999999"'],
    ],
  ],
  [
    'timestamptz',
    'TIMESTAMP',
    [
      [`'0001-01-01 07:00+07'`, '"0001-01-01T00:00:00+00:00"'],
      [`'9999-12-31 23:59:59.999999+00'`, '"9999-12-31T23:59:59.999999+00:00"'],
      [`'2024-02-29 12:00:00.000001+07'`, '"2024-02-29T05:00:00.000001+00:00"'],
    ],
  ],
  [
    'time',
    'TIME',
    [
      [`'00:00'`, '"00:00:00"'],
      [`'23:59:59.999999'`, '"23:59:59.999999"'],
    ],
  ],
  [
    'jsonb',
    'JSON',
    [
      [
        `'{"a": [1, 0.1, -9223372036854775808, 18446744073709551615], "b": "\\u0e01\\n"}'`,
        '{"a": [1, 0.1, -9223372036854775808, 18446744073709551615], "b": "ก\\n"}',
      ],
      [`'null'`, 'null'],
      [`'5e-324'`, `0.${'0'.repeat(323)}5`],
      [`'${NESTED_500}'`, NESTED_500],
    ],
  ],
  [
    'json',
    'JSON',
    [
      [`'{"b":1.0,\n"a":"x"}'`, '{"b":1.0,"a":"x"}'],
      [`'"\\ud83d\\ude00 \\u00e9\\n"'`, '"😀 é\\n"'],
      // Each of these contains text that only looks like an escape, a number or nesting.
      [`'"\\\\ud800"'`, '"\\\\ud800"'],
      [`'"\\\\u0000 \\"1e99999 [["'`, '"\\\\u0000 \\"1e99999 [["'],
      [`'{"a1e5000": 1e-5}'`, '{"a1e5000":0.00001}'],
      [`'"${BRACKETS}"'`, `"${BRACKETS}"`],
      [`'${NESTED_500}'`, NESTED_500],
      [`'[${FLAT}]'`, `[${FLAT.replaceAll(' ', '')}]`],
    ],
  ],
  [
    'integer[]',
    'REPEATED INT64',
    [
      [`'{1,2}'`, '[1,2]'],
      [`'{}'`, '[]'],
      ['null', '[]'],
    ],
  ],
  ['bigint[]', 'REPEATED INT64', [[`'{1,9007199254740993}'`, '[1,"9007199254740993"]']]],
  [
    'double precision[]',
    'REPEATED FLOAT64',
    [[`'{NaN,-Infinity,1e-7,1e21}'`, '["NaN","-Infinity",1e-7,1e+21]']],
  ],
  ['boolean[]', 'REPEATED BOOL', [[`'{t,f}'`, '[true,false]']]],
  ['text[]', 'REPEATED STRING', [[`array['a"', '', 'NULL']`, String.raw`["a\"","","NULL"]`]]],
  ['date[]', 'REPEATED DATE', [[`array['2024-02-29'::date]`, '["2024-02-29"]']]],
  ['numeric(5,2)[]', 'REPEATED NUMERIC', [[`'{1.5,-2}'`, '["1.50","-2.00"]']]],
  [
    'timestamptz[]',
    'REPEATED TIMESTAMP',
    [[`array['2024-01-01 07:00+07'::timestamptz]`, '["2024-01-01T00:00:00+00:00"]']],
  ],
  ['bytea[]', 'REPEATED BYTES', [[`array['\\x00'::bytea]`, '["AA=="]']]],
  ['jsonb[]', 'REPEATED JSON', [[`array['{"a":1}'::jsonb]`, '[{"a": 1}]']]],
  ['pair', 'JSON', [[`row(1, 'x')`, '{"a":1,"b":"x"}']]],
  ['pair[]', 'JSON', [[`array[row(1, 'x')::pair, null]`, '[{"a":1,"b":"x"},null]']]],
  ['positive', 'INT64', [['5', '5']]],
  ['labels', 'REPEATED STRING', [[`'{a,b}'`, '["a","b"]']]],
];

/** Values that BigQuery cannot hold exactly, with the reason, and the text that the policy `string` makes of them. */
export const UNREPRESENTABLE: [type: string, literal: string, reason: RegExp, asString: string][] = [
  ['date', `'infinity'`, /is infinite or outside the years 1 to 9999/, 'infinity'],
  ['date', `'0001-12-31 BC'`, /outside the years/, '0001-12-31 BC'],
  ['date', `'10000-01-01'`, /outside the years/, '10000-01-01'],
  ['timestamp', `'-infinity'`, /is infinite/, '-infinity'],
  ['timestamp', `'10000-01-01'`, /outside the years/, '10000-01-01 00:00:00'],
  ['timestamptz', `'0001-01-01 00:00+07'`, /outside the years/, '0001-12-31 17:00:00+00 BC'],
  ['timestamptz', `'infinity'`, /is infinite/, 'infinity'],
  ['time', `'24:00'`, /is 24:00/, '24:00:00'],
  ['numeric', `'NaN'`, /is not a finite number/, 'NaN'],
  ['numeric', `'-Infinity'`, /is not a finite number/, '-Infinity'],
  ['numeric', `'1e-39'`, /at most 38 digits/, `0.${'0'.repeat(38)}1`],
  ['numeric', `'1e39'`, /at most 38 digits/, `1${'0'.repeat(39)}`],
  ['numeric(10,2)', `'NaN'`, /is not a finite number/, 'NaN'],
  [
    'integer[]',
    `'{1,NULL}'`,
    /the value contains a NULL: remove it \(array_remove\) or convert the array to JSON \(to_jsonb\) in the view$/,
    '{1,NULL}',
  ],
  [
    'integer[]',
    `'{{1,2},{3,4}}'`,
    /the value has more than one dimension: convert it to JSON in the view \(to_jsonb\)$/,
    '{{1,2},{3,4}}',
  ],
  [
    'date[]',
    `'{infinity}'`,
    /the value contains an element that is infinite or outside the years 1 to 9999$/,
    '{infinity}',
  ],
  [
    'jsonb',
    `'18446744073709551616'`,
    /INT64, UINT64 and FLOAT64 cannot hold exactly/,
    '18446744073709551616',
  ],
  ['jsonb', `'{"a": [-9223372036854775809]}'`, /cannot hold exactly/, '{"a": [-9223372036854775809]}'],
  ['jsonb', `'0.12345678901234567890123'`, /cannot hold exactly/, '0.12345678901234567890123'],
  ['jsonb', `'1e400'`, /cannot hold exactly/, `1${'0'.repeat(400)}`],
  ['jsonb', `'1e-400'`, /cannot hold exactly/, `0.${'0'.repeat(399)}1`],
  ['jsonb', `'[${NESTED_500}]'`, /nested deeper than 500/, `[${NESTED_500}]`],
  ['json', `'[${NESTED_500}]'`, /nested deeper than 500/, `[${NESTED_500}]`],
  ['json', `'[${NESTED_20000}]'`, /nested deeper than 500/, `[${NESTED_20000}]`],
  ['json', `'"\\ud800"'`, /an unpaired surrogate/, '"\\ud800"'],
  ['json', `'{"\\udc00\\ud800": 1}'`, /an unpaired surrogate/, '{"\\udc00\\ud800": 1}'],
  ['json', `'"\\ud83d\\\\\\ude00"'`, /an unpaired surrogate/, '"\\ud83d\\\\\\ude00"'],
  ['json', `'["a\\u0000"]'`, /a NUL character/, '["a\\u0000"]'],
  ['json', `'1e-20000'`, /cannot hold exactly/, '1e-20000'],
  ['json', `'[1E+200000]'`, /cannot hold exactly/, '[1E+200000]'],
  ['json', `'1${'0'.repeat(140_000)}'`, /cannot hold exactly/, `1${'0'.repeat(140_000)}`],
  [
    'json[]',
    `array['"\\ud800"'::json]`,
    /the value contains an element that contains .*an unpaired surrogate/,
    `{"\\"\\\\ud800\\""}`,
  ],
  [
    'json[]',
    `array[['"\\ud800"'::json]]`,
    /the value has more than one dimension: convert it to JSON in the view \(to_jsonb\)$/,
    `{{"\\"\\\\ud800\\""}}`,
  ],
  ['jsonb[]', `array['1'::jsonb, 'null']`, /the value contains a NULL: /, '{1,"null"}'],
  ['noted', `row('"\\ud800"')`, /an unpaired surrogate/, `("""\\\\ud800""")`],
  ['big_pair', `row(18446744073709551616)`, /cannot hold exactly/, '(18446744073709551616)'],
];

/** Texts that are not a valid date and time: malformed, impossible, or in a form that only PostgreSQL accepts. */
export const MALFORMED_DATETIMES = [
  '',
  'yesterday',
  '2024-01-01 10',
  '2024-01-01 10:00 BC',
  '2024-13-01',
  '2024-02-30 10:00',
  '2023-02-29',
  '2024-01-01 24:00',
  '2024-01-01 10:60',
  '2024-01-01 10:00:60',
  '0000-01-01',
  '10000-01-01',
  '2024-01-01 10:00+07',
  '2024-01-01\u00a010:00',
  '๒๐๒๔-๐๑-๐๑ ๑๐:๐๐',
];
