import fc from 'fast-check';

const PLACES = 38;

const integers = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String);
const number = fc.double({ noDefaultInfinity: true, noNaN: true });
/** Any characters except NUL, which PostgreSQL text cannot hold, and unpaired surrogates, which UTF-8 cannot. */
const text = fc.string({ unit: 'binary', maxLength: 20 }).map((any) => any.replaceAll('\0', ''));
const digits = (min: number, max: number) =>
  fc.stringMatching(new RegExp(`^[0-9]{${min},${max}}$`), { size: 'max' });
const decimal = (whole: number, fraction: number) =>
  fc
    .tuple(fc.constantFrom('', '-'), digits(1, whole), digits(1, fraction))
    .map(([sign, before, after]) => `${sign}${before}.${after}`);

const two = (max: number, min = 0) => fc.integer({ min, max }).map((part) => String(part).padStart(2, '0'));
const day = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), two(12, 1), two(28, 1))
  .map(([year, ...rest]) => [String(year).padStart(4, '0'), ...rest].join('-'));
const time = fc
  .tuple(two(23), two(59), two(59), fc.integer({ min: 0, max: 999_999 }))
  .map(
    ([hours, minutes, seconds, micros]) =>
      `${hours}:${minutes}:${seconds}.${String(micros).padStart(6, '0')}`,
  );
const moment = fc.tuple(day, time).map((parts) => parts.join(' '));

const json = fc
  .json({ stringUnit: 'binary', maxDepth: 4 })
  // jsonb accepts no NUL.
  .filter((written) => !written.includes('\\u0000'));

const quotedElement = (element: string) => `"${element.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
const list = (element: fc.Arbitrary<string>) =>
  fc.array(element, { maxLength: 4 }).map((elements) => `{${elements.map(quotedElement).join(',')}}`);

/** For each PostgreSQL type, text forms of random values that BigQuery can hold. */
export const ARBITRARY_TEXT: Record<string, fc.Arbitrary<string>> = {
  smallint: integers(-(2n ** 15n), 2n ** 15n - 1n),
  integer: integers(-(2n ** 31n), 2n ** 31n - 1n),
  bigint: fc.oneof(
    integers(-(2n ** 63n), 2n ** 63n - 1n),
    integers(2n ** 53n - 3n, 2n ** 53n + 3n),
    integers(-(2n ** 53n) - 3n, -(2n ** 53n) + 3n),
  ),
  oid: integers(0n, 2n ** 32n - 1n),
  real: fc.oneof(
    fc
      .float({ noDefaultInfinity: true, noNaN: true })
      .map((value) => (Object.is(value, -0) ? '-0' : String(value))),
    fc.constantFrom('NaN', 'Infinity', '-Infinity'),
  ),
  'double precision': fc.oneof(
    number.map((value) => (Object.is(value, -0) ? '-0' : String(value))),
    fc.constantFrom('NaN', 'Infinity', '-Infinity'),
  ),
  'numeric(38,9)': decimal(29, 9),
  'numeric(12,3)': decimal(9, 3),
  'numeric(60,30)': decimal(30, 30),
  numeric: decimal(PLACES, PLACES),
  'numeric(50,2)': decimal(48, 2),
  boolean: fc.constantFrom('true', 'false'),
  text,
  'varchar(20)': text.map((any) => Array.from(any).slice(0, 20).join('')),
  'char(20)': text.map((any) => Array.from(any).slice(0, 20).join('')),
  uuid: fc.uuid(),
  inet: fc.oneof(fc.ipV4(), fc.ipV6()),
  bytea: fc.uint8Array({ maxLength: 100 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`),
  date: day,
  timestamp: moment,
  timestamptz: moment.map((when) => `${when}+00`),
  time,
  interval: fc
    .tuple(fc.integer({ min: -5000, max: 5000 }), fc.integer({ min: -50_000, max: 50_000 }), time)
    .map(([months, days, rest]) => `${months} months ${days} days ${rest}`),
  jsonb: json,
  json,
  'bigint[]': list(integers(-(2n ** 63n), 2n ** 63n - 1n)),
  'double precision[]': list(number.map(String)),
  'text[]': list(text),
  'date[]': list(day),
  'numeric(12,3)[]': list(decimal(9, 3)),
  'jsonb[]': list(json.filter((written) => written !== 'null')),
};
