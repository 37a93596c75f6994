/** A value as text; an array as the texts of its elements. */
export type Value = string | null | (string | null)[];

/** Normalizes the texts of both sides, so that two texts are equal if and only if the values are equal. */
interface Comparable {
  source: (text: string) => string;
  target: (text: string) => string;
}

/** By the target's type, as BigQuery's API names it. Comparing a type that is not listed throws. */
const BY_TYPE: Record<string, Comparable> = {
  STRING: both((text) => text),
  INTEGER: both((text) => String(BigInt(text))),
  FLOAT: both((text) => String(Number(text.replace(/^([+-]?)inf$/i, '$1Infinity')))),
  NUMERIC: both(decimal),
  BIGNUMERIC: both(decimal),
  BOOLEAN: { source: (text) => ({ t: 'true', f: 'false' })[text] ?? text, target: (text) => text },
  DATE: both((text) => text),
  TIME: both(withMicroseconds),
  DATETIME: both((text) => withMicroseconds(text.replace(' ', 'T'))),
  TIMESTAMP: {
    source: (text) => String(microsecondsSince1970(text)),
    target: (text) => String(BigInt(text)),
  },
  BYTES: {
    source: (text) => text.replace(/^\\x/, ''),
    target: (text) => Buffer.from(text, 'base64').toString('hex'),
  },
  JSON: both(json),
};

/** Whether the source's value equals the target's value. Throws if the type cannot be compared. */
export function isSame(type: string, source: Value, target: Value): boolean {
  if (Array.isArray(source) && Array.isArray(target)) {
    return (
      source.length === target.length &&
      source.every((element, i) => isSame(type, element, target[i] ?? null))
    );
  }
  if (Array.isArray(source) || Array.isArray(target)) return false;
  const comparable = BY_TYPE[type];
  if (comparable === undefined) throw new Error(`Values of type ${type} cannot be compared`);
  if (source === null || target === null) return source === target;
  return comparable.source(source) === comparable.target(target);
}

/** A value as the report shows it: NULL, or in quotes, so that empty texts and spaces are visible. */
export function show(value: Value): string {
  return value === null ? 'NULL' : JSON.stringify(value);
}

function both(form: (text: string) => string): Comparable {
  return { source: form, target: form };
}

/** Removes insignificant zeros: 1.50 becomes 1.5, -0.0 becomes 0. */
function decimal(text: string): string {
  const [whole = '', fraction = ''] = text.split('.');
  const digits = fraction.replace(/0+$/, '');
  const shown = `${whole.replace(/^(-?)0+(?=\d)/, '$1')}${digits === '' ? '' : `.${digits}`}`;
  return shown === '-0' ? '0' : shown;
}

function withMicroseconds(text: string): string {
  const [seconds = '', fraction = ''] = text.split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(?:\+00|Z)?$/;

/** @param text a time in UTC, such as `2024-02-29 23:59:59.123456+00`; the seconds may be missing */
function microsecondsSince1970(text: string): bigint {
  const [, date, minutes, seconds = '00', fraction = ''] = TIMESTAMP.exec(text) ?? [];
  if (date === undefined) throw new Error(`${JSON.stringify(text)} is not a time in UTC`);
  return BigInt(Date.parse(`${date}T${minutes}:${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

/** Sorts the names and removes spaces; whole numbers keep every digit. */
function json(text: string): string {
  const value: unknown = JSON.parse(
    text,
    (_name, value: unknown, { source = '' }: { source?: string } = {}) => {
      if (typeof value === 'number') return { number: /^-?\d+$/.test(source) ? source : String(value) };
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return { object: Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)) };
    },
  );
  return JSON.stringify(value);
}
