import fc from 'fast-check';
import pg from 'pg';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { ARBITRARY_TEXT } from '../../faults/bad-data/arbitrary-text.ts';
import { MALFORMED_DATETIMES, TYPES, UNREPRESENTABLE } from '../source/example-values.ts';

/** A column of a view: its type in PostgreSQL, what its view source says of it, and values as SQL literals. */
export type HashedColumn = {
  type: string;
  values: readonly string[];
  policy?: 'null' | 'string';
  fallback?: string | number | boolean;
  isDatetime?: boolean;
};

/** Longer texts say nothing more, and make large rows. */
const MAX_LITERAL = 1000;
/** The emulator holds BIGNUMERICs of 38 digits before the point. */
const BEYOND_EMULATOR = `'-5e38'`;

/** Texts that look alike, or like parts of a row's text. */
const LOOK_ALIKES = [
  ...['', ' ', '  ', '\t', '\n', '\r\n', '\u00a0', 'a', 'A', 'a ', ' a', 'ä', 'Ä', 'ß', 'ss', 'é', 'e\u0301'],
  ...['~', '!', ',', ':', '0:', '1:a', '1:a,1:b', 'a,1:b', ',~', 'null', 'NULL', '\\', "'", '"', '{}', '[]'],
  ...[
    '0',
    '00',
    '1',
    '1.0',
    '1.00',
    'true',
    't',
    '😀',
    '👨‍👩‍👧',
    'กุญแจ',
    '\ufeff',
    '\u200b',
    '\u2028',
    '\u{10ffff}',
  ],
].map(pg.escapeLiteral);

const ARRAYS: HashedColumn[] = [
  {
    type: 'text[]',
    values: [
      ...[`'{}'`, 'null', `array['']`, `array['','']`, `array['a','b']`, `array['b','a']`, `array['ab']`],
      ...[`array['a,b']`, `array['1:a']`, `array['~']`, `array['!']`, `array[',']`, `array['กุญแจ','😀']`],
      ...[`array['😀กุญแจ']`, `'[0:1]={a,b}'`, `array[' ']`, `array['A','b']`],
    ],
  },
  { type: 'inet[]', values: [`'{}'`, `'{10.0.0.1,10.0.0.1/24}'`, `'{10.0.0.2,10.0.0.1/24}'`] },
  { type: 'char(3)[]', values: [`'{}'`, `'{a,abc}'`, `array['a  ','b']`, `array[' a ']`] },
  { type: 'mood[]', values: [`'{}'`, `'{ok,very sad}'`, `'{very sad,ok}'`] },
  { type: 'bytea[]', values: [`'{}'`, `array['\\x'::bytea]`, `array['\\x00','\\xff'::bytea]`] },
  { type: 'numeric[]', values: [`'{}'`, `'{1.50,0}'`, `'{1.5,0.00}'`, `'{1.05,0}'`] },
  { type: 'time[]', values: [`'{}'`, `'{00:00,23:59:59.999999}'`] },
  { type: 'timestamp[]', values: [`'{}'`, `array['0001-01-01'::timestamp, '9999-12-31 23:59:59.999999']`] },
  { type: 'uuid[]', values: [`'{}'`, `'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'`] },
];

const NUMBERS: HashedColumn[] = [
  {
    type: 'numeric',
    values: [
      '0',
      '0.0',
      '-0.0',
      '1',
      '1.0',
      '1.10',
      '1.1',
      '1.01',
      '10',
      '100',
      '1000',
      '0.10',
      '-1',
      '1e-38',
    ],
  },
  { type: 'numeric(12,3)', values: ['0', '10', '100', '1', '1.1', '1.001', '-1.1', '0.001', 'null'] },
];

const TIMES: HashedColumn[] = [
  {
    type: 'timestamp',
    values: [
      ...[
        `'1970-01-01'`,
        `'1969-12-31 23:59:59.999999'`,
        `'2024-02-29 10:00'`,
        `'2024-02-29 10:00:00.000001'`,
      ],
      ...[`'2024-02-29 10:00:00.1'`, `'2024-02-29 10:00:00.100001'`, 'null'],
    ],
  },
  { type: 'timestamptz', values: [`'1970-01-01 00:00+00'`, `'1970-01-01 00:00:00.000001+00'`, 'null'] },
  { type: 'timestamptz(3)', values: [`'2024-01-01 00:00:00.0015+00'`, `'2024-01-01 00:00:00.0025+00'`] },
  { type: 'time', values: [`'00:00:00.000001'`, `'10:00'`, `'10:00:00.5'`, `'10:00:00.500001'`, 'null'] },
];

const POLICIES = (['null', 'string'] as const).flatMap((policy): HashedColumn[] =>
  [...new Set(UNREPRESENTABLE.map(([type]) => type))].map((type) => ({
    type,
    policy,
    values: [
      'null',
      ...UNREPRESENTABLE.flatMap(([other, literal]) => (other === type ? [literal] : [])),
      ...TYPES.flatMap(([other, , values]) => (other === type ? values.map(([literal]) => literal) : [])),
    ],
  })),
);

const DEFAULTS: HashedColumn[] = [
  { type: 'integer', fallback: 7, values: ['null', '7', '8', '0'] },
  { type: 'boolean', fallback: false, values: ['null', 'false', 'true'] },
  { type: 'text', fallback: `it's \\ ~`, values: ['null', `'it''s \\ ~'`, `''`, `'~'`] },
  { type: 'char(5)', fallback: 'n/a', values: ['null', `'n/a'`, `'n'`, `''`] },
  { type: 'inet', fallback: '10.0.0.1', values: ['null', `'10.0.0.1'`, `'10.0.0.1/24'`] },
  { type: 'uuid', fallback: 'none', values: ['null', `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`] },
  { type: 'numeric(10,2)', fallback: '1.50', values: ['null', '1.5', '1.05'] },
  { type: 'numeric', fallback: 0.25, values: ['null', '0.250', '0.025'] },
  { type: 'bytea', fallback: 'AP8Q', values: ['null', `'\\x00ff10'`, `''`] },
  { type: 'date', fallback: '1970-01-01', values: ['null', `'1970-01-01'`, `'1970-01-02'`] },
  {
    type: 'timestamp',
    fallback: '2024-03-04 05:06:07.5',
    values: ['null', `'2024-03-04 05:06:07.5'`, `'2024-04-03 05:06:07.5'`],
  },
  {
    type: 'timestamptz',
    fallback: '2024-03-04',
    values: ['null', `'2024-03-04 00:00+00'`, `'2024-03-03 17:00+00'`],
  },
  {
    type: 'timestamptz',
    fallback: '2024-03-04T05:06:07.000001+07:00',
    values: ['null', `'2024-03-03 22:06:07.000001+00'`],
  },
  { type: 'timestamptz', fallback: '2024-03-04 05:06:07 UTC', values: ['null', `'2024-03-04 05:06:07+00'`] },
  { type: 'time', fallback: '12:00:00.000001', values: ['null', `'12:00:00.000001'`, `'12:00'`] },
  { type: 'date', fallback: '1970-01-01', policy: 'null', values: ['null', `'infinity'`, `'1970-01-01'`] },
  { type: 'date', fallback: 'none', policy: 'string', values: ['null', `'infinity'`, `'1970-01-01'`] },
  {
    type: 'text',
    fallback: '2024-03-04T05:06:07Z',
    isDatetime: true,
    values: ['null', `'2024-03-04 05:06:07'`, `'2024-03-04 05:06'`],
  },
];

const DATETIMES = (['text', 'varchar', 'char(30)'] as const).flatMap((type): HashedColumn[] =>
  (['null', 'string'] as const).map((policy) => ({
    type,
    policy,
    isDatetime: true,
    values: [
      ...[
        `'2024-02-29 23:59'`,
        `'2024-02-29T23:59:58.123456'`,
        `' 0001-01-01 '`,
        `'9999-12-31 23:59:59'`,
        'null',
      ],
      ...MALFORMED_DATETIMES.map(pg.escapeLiteral),
    ],
  })),
);

/** Columns of every type, with every policy. Those of FLOAT64 and JSON are in no hash. */
export const HASHED_COLUMNS: readonly HashedColumn[] = [
  ...TYPES.map(([type, , values]) => ({ type, values: ['null', ...values.map(([literal]) => literal)] })),
  { type: 'text', values: ['null', ...LOOK_ALIKES] },
  { type: 'char(3)', values: ['null', `''`, `'a'`, `' a'`, `'A'`, `'a\t'`] },
  { type: 'boolean', values: ['null', 'false', 'true'] },
  { type: 'cidr', values: ['null', `'10.0.0.1/32'`, `'10.0.0.0/24'`] },
  { type: 'tstzrange', values: ['null', `'[2024-03-04 00:00+00,2024-03-05 00:00+00)'`, `'empty'`] },
  { type: 'money', values: ['null', `'12.5'::numeric`, `'-12.5'::numeric`] },
  { type: 'timestamp', isDatetime: true, values: [`'2024-02-29 23:59:58.123456'`, `'2024-02-29'`, 'null'] },
  ...ARRAYS,
  ...NUMBERS,
  ...TIMES,
  ...POLICIES,
  ...DEFAULTS,
  ...DATETIMES,
].map(({ values, ...column }) => ({
  ...column,
  values: values.filter((literal) => literal.length < MAX_LITERAL && literal !== BEYOND_EMULATOR),
}));

export const nameOf = (index: number): string => `c${index}`;

const byName = <T>(columns: readonly HashedColumn[], value: (column: HashedColumn) => T | undefined) =>
  Object.fromEntries(
    columns.flatMap((column, i): [string, T][] => {
      const found = value(column);
      return found === undefined ? [] : [[nameOf(i), found]];
    }),
  );

export const typesOf = (columns: readonly HashedColumn[]): Record<string, string> =>
  byName(columns, ({ type }) => type);

/** What the view source says of its columns. */
export const entryOf = (columns: readonly HashedColumn[]): Partial<ViewSourceEntry> => ({
  unrepresentable: byName(columns, ({ policy }) => policy),
  null_defaults: byName(columns, ({ fallback }) => fallback),
  datetime_columns: Object.keys(byName(columns, ({ isDatetime }) => isDatetime)),
});

/** Any row, as SQL literals. */
export const anyRow = (columns: readonly HashedColumn[]): fc.Arbitrary<string[]> =>
  fc.tuple(
    ...columns.map(({ type, values, policy, isDatetime }) => {
      const examples = fc.constantFrom(...values);
      const any = policy === undefined && !isDatetime ? ARBITRARY_TEXT[type] : undefined;
      return any === undefined ? examples : fc.oneof(examples, any.map(pg.escapeLiteral));
    }),
  );

/** The same columns with values that a LATIN1 database has. */
export const inLatin1 = (columns: readonly HashedColumn[]): HashedColumn[] =>
  columns.map((column) => ({
    ...column,
    values: column.values.filter((literal) => !/\\[uU]/.test(literal)).map(latin1Literal),
  }));

/** The literal with other characters in place of those that LATIN1 does not have. */
export const latin1Literal = (literal: string): string =>
  Array.from(literal, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xff ? String.fromCodePoint(0xa1 + (code % 0x5f)) : character;
  }).join('');
