import { parseDecimal } from './canonical-number.ts';
import { canonicalJson } from './json-text.ts';
import { microsecondsSince1970 } from './timestamp-text.ts';

/** A value as text; an array as the texts of its elements. */
export type Value = string | null | (string | null)[];

/** Normalizes the texts of both sides, so that two texts are equal if and only if the values are equal. */
interface Comparable {
  source: (text: string) => string;
  target: (text: string) => string;
}

/** By the target's type, as BigQuery's API names it. */
const BY_TYPE: Record<string, Comparable> = {
  STRING: both((text) => text),
  INTEGER: both(integer),
  FLOAT: both((text) => String(Number(text.replace(/^([+-]?)inf$/i, '$1Infinity')))),
  NUMERIC: both(decimal),
  BIGNUMERIC: both(decimal),
  BOOLEAN: { source: (text) => ({ t: 'true', f: 'false' })[text] ?? text, target: (text) => text },
  DATE: both((text) => text),
  TIME: both(withMicroseconds),
  DATETIME: both((text) => withMicroseconds(text.replace(' ', 'T'))),
  TIMESTAMP: {
    source: (text) => String(microsecondsSince1970(text) ?? text),
    target: (text) => String(BigInt(text)),
  },
  BYTES: {
    source: (text) => text.replace(/^\\x/, ''),
    target: (text) => Buffer.from(text, 'base64').toString('hex'),
  },
  JSON: both(canonicalJson),
};

/** Whether values of this type can be compared. */
export const isComparable = (type: string): boolean => Object.hasOwn(BY_TYPE, type);

/** Whether the source's value equals the target's value. Throws if the type cannot be compared. */
export function isSame(type: string, source: Value, target: Value): boolean {
  if (Array.isArray(source) && Array.isArray(target)) {
    return (
      source.length === target.length &&
      source.every((element, i) => isSame(type, element, target[i] ?? null))
    );
  }
  if (Array.isArray(source) || Array.isArray(target)) return false;
  const comparable = isComparable(type) ? BY_TYPE[type] : undefined;
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

function integer(text: string): string {
  return /^-?\d+$/.test(text) ? String(BigInt(text)) : text;
}

/** One form for one number: 1.50 and 1.5, -0.0 and 0. What is no finite number stays. */
function decimal(text: string): string {
  const parsed = parseDecimal(text);
  if (parsed === undefined) return text;
  return `${parsed.isNegative ? '-' : ''}${parsed.digits}e${parsed.exponent}`;
}

function withMicroseconds(text: string): string {
  const [seconds = '', fraction = ''] = text.split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}
