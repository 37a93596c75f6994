/** A column of a view: its type in PostgreSQL, and pairs of values that look alike, as SQL literals of PostgreSQL and of GoogleSQL. */
export type DamagedColumn = {
  name: string;
  type: string;
  pairs: readonly Pair[];
};

/** What a row has, and what it has after the damage. */
export type Pair = { right: string; wrong: string; wrongInBigQuery: string };

/** The literals of a type that both languages write alike. */
const alike = (...pairs: [right: string, wrong: string][]): Pair[] =>
  pairs.map(([right, wrong]) => ({ right, wrong, wrongInBigQuery: wrong }));

const pairs = (...given: [right: string, wrong: string, wrongInBigQuery: string][]): Pair[] =>
  given.map(([right, wrong, wrongInBigQuery]) => ({ right, wrong, wrongInBigQuery }));

/** Texts of JSON values. */
const json = (...given: [right: string, wrong: string][]): Pair[] =>
  pairs(
    ...given.map(([right, wrong]): [string, string, string] => [
      `'${right}'`,
      `'${wrong}'`,
      `json '${wrong}'`,
    ]),
  );

export const DAMAGED_COLUMNS: readonly DamagedColumn[] = [
  {
    name: 'c_int',
    type: 'bigint',
    pairs: alike(['1', '2'], ['0', 'null'], ['9007199254740993', '9007199254740992']),
  },
  {
    name: 'c_numeric',
    type: 'numeric(12,3)',
    pairs: pairs(['1.5', '1.501', `numeric '1.501'`], ['100', '10', `numeric '10'`], ['0', 'null', 'null']),
  },
  {
    name: 'c_bignumeric',
    type: 'numeric(50,30)',
    pairs: pairs(['0', '1e-30', `cast('0.${'0'.repeat(29)}1' as bignumeric)`]),
  },
  { name: 'c_bool', type: 'boolean', pairs: alike(['true', 'false'], ['false', 'null']) },
  {
    name: 'c_text',
    type: 'text',
    pairs: [
      ...alike(
        [`'a'`, `'a '`],
        [`'a'`, `' a'`],
        [`'a'`, `'A'`],
        [`''`, 'null'],
        ['null', `''`],
        [`''`, `' '`],
      ),
      ...alike(
        [`'1.5'`, `'1.50'`],
        [`'ss'`, `'ß'`],
        [`'กุญแจ'`, `'กุญแ'`],
        [`'null'`, 'null'],
        [`'~'`, 'null'],
      ),
      ...pairs(
        [`'é'`, `E'e\\u0301'`, `'e\\u0301'`],
        [`'a'`, `E'a\\n'`, `'a\\n'`],
        [`'a b'`, `E'a\\u00a0b'`, `'a\\u00a0b'`],
      ),
    ],
  },
  {
    name: 'c_bytes',
    type: 'bytea',
    pairs: pairs(
      [`'\\x00'`, `'\\x0000'`, `b'\\x00\\x00'`],
      [`''`, 'null', 'null'],
      [`'\\xff'`, `'\\xfe'`, `b'\\xfe'`],
    ),
  },
  {
    name: 'c_date',
    type: 'date',
    pairs: pairs([`'2024-02-29'`, `'2024-03-01'`, `date '2024-03-01'`], [`'1970-01-01'`, 'null', 'null']),
  },
  {
    name: 'c_datetime',
    type: 'timestamp',
    pairs: pairs([
      `'2024-02-29 10:00'`,
      `'2024-02-29 10:00:00.000001'`,
      `datetime '2024-02-29 10:00:00.000001'`,
    ]),
  },
  {
    name: 'c_timestamp',
    type: 'timestamptz',
    pairs: pairs(
      [
        `'2024-02-29 10:00+00'`,
        `'2024-02-29 10:00:00.000001+00'`,
        `timestamp '2024-02-29 10:00:00.000001+00'`,
      ],
      [`'1970-01-01 00:00+00'`, 'null', 'null'],
    ),
  },
  {
    name: 'c_time',
    type: 'time',
    pairs: pairs(
      [`'10:00:00.5'`, `'10:00:00.500001'`, `time '10:00:00.500001'`],
      [`'00:00'`, 'null', 'null'],
    ),
  },
  {
    name: 'c_float',
    type: 'double precision',
    pairs: pairs(
      ['0.1', '0.10000000000000002', '0.10000000000000002'],
      ['0', `'-0'`, '-0.0'],
      [`'NaN'`, 'null', 'null'],
      ['1', `'Infinity'`, `cast('inf' as float64)`],
      ['5e-324', '0', '0.0'],
    ),
  },
  { name: 'c_real', type: 'real', pairs: pairs(['0.1', '0.10000001', 'cast(0.1 as float64)']) },
  {
    name: 'c_json',
    type: 'jsonb',
    pairs: [
      ...json(['{"a":1}', '{"a":1.0}'], ['{"a":1}', '{"a":"1"}'], ['{"a":null}', '{}'], ['[1,2]', '[2,1]']),
      ...json(['""', '" "'], ['{"a":{"b":""}}', '{"a":{"b":null}}'], ['null', '0'], ['true', '"true"']),
      ...json(
        ['1e20', '2e20'],
        ['0.1', '0.10000000000000002'],
        ['18446744073709551615', '18446744073709551614'],
      ),
      ...alike([`'{}'`, 'null']),
      // JSON's null is loaded as NULL, but somebody may write it.
      ...pairs(['null', `'[null]'`, `json 'null'`]),
    ],
  },
  {
    name: 'c_texts',
    type: 'text[]',
    pairs: pairs(
      [`'{a,b}'`, `'{b,a}'`, `['b','a']`],
      [`'{a,b}'`, `array['a,b']`, `['a,b']`],
      [`'{}'`, `array['']`, `['']`],
    ),
  },
  {
    name: 'c_floats',
    type: 'double precision[]',
    pairs: pairs([`'{0}'`, `'{-0}'`, '[-0.0]'], [`'{1,NaN}'`, `'{1}'`, '[1.0]']),
  },
];

/** A row of its own for each pair, whose other columns are NULL. Keys begin with 1. */
export const DAMAGES = DAMAGED_COLUMNS.flatMap(({ name, pairs: given }) =>
  given.map((pair) => ({ column: name, ...pair })),
).map((damage, i) => ({ key: String(i + 1), ...damage }));
