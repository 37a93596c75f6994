import { isSameNumber, parseDecimal, wholeNumber } from './canonical-number.ts';

// BigQuery's JSON holds numbers as INT64, UINT64 or FLOAT64: https://cloud.google.com/bigquery/docs/json-data

const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;
const MAX_DEPTH = 500;

type Reviver = (name: string, value: unknown, context?: { source?: string }) => unknown;

/** JSON with its names sorted, its numbers in one form and without spaces. Of several members of one name the last one counts. */
export function canonicalJson(text: string): string {
  const revive: Reviver = (_name, value, { source = '' } = {}) => {
    if (typeof value === 'number') return { number: canonicalNumber(source) };
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return { object: Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)) };
  };
  return JSON.stringify(JSON.parse(text, revive as (name: string, value: unknown) => unknown));
}

/** Whether BigQuery holds it exactly. */
export function isHeldJson(text: string): boolean {
  let isHeld = true;
  const judge: Reviver = (name, value, { source = '' } = {}) => {
    if (typeof value === 'number') isHeld &&= isHeldNumber(source);
    if (typeof value === 'string') isHeld &&= isHeldText(value);
    isHeld &&= isHeldText(name);
    return value;
  };
  try {
    return (
      depthOf(JSON.parse(text, judge as (name: string, value: unknown) => unknown)) <= MAX_DEPTH && isHeld
    );
  } catch (error) {
    // The text is PostgreSQL's and so it is JSON; only its depth can be too much for the parser.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function canonicalNumber(source: string): string {
  const integer = integerOf(source);
  return integer === undefined ? String(Number(source)) : String(integer);
}

function isHeldNumber(source: string): boolean {
  const float = Number(source);
  return integerOf(source) !== undefined || (Number.isFinite(float) && isSameNumber(String(float), source));
}

function integerOf(source: string): bigint | undefined {
  const decimal = parseDecimal(source);
  const integer = decimal && wholeNumber(decimal);
  return integer !== undefined && integer >= MIN_INT64 && integer <= MAX_UINT64 ? integer : undefined;
}

const isHeldText = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** How many brackets and braces are open at once, at most. */
function depthOf(value: unknown): number {
  let level = [value].filter(isContainer);
  for (let depth = 0; ; depth += 1) {
    if (level.length === 0) return depth;
    level = level.flatMap((each) => Object.values(each)).filter(isContainer);
  }
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
