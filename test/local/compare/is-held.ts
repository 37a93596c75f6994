import { digitsOf, parseDecimal } from './canonical-number.ts';
import type { Value } from './comparable.ts';
import { isHeldJson } from './json-text.ts';
import { microsecondsSince1970 } from './timestamp-text.ts';

// What BigQuery's types hold: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types

const BIGNUMERIC_FRACTION = 38;
/** BIGNUMERIC ends at 5.7896…e38; docs/architecture.md#types says where we end. */
const BIGNUMERIC_MOST = 5e38;
const NUMERIC = { whole: 29, fraction: 9 };

const DATE = /^(\d{4})-\d\d-\d\d$/;
const DATETIME = /^(\d{4})-\d\d-\d\d[ T]/;

const inYears = (pattern: RegExp) => (text: string) =>
  (pattern.exec(text)?.[1] ?? '0000') > '0000' && !text.endsWith('BC');

/** By the target's type: whether it holds this value of the source. Types that hold every value are not listed. */
const BY_TYPE: Record<string, (text: string) => boolean> = {
  NUMERIC: (text) => {
    const number = parseDecimal(text);
    const { whole, fraction } = number ? digitsOf(number) : { whole: Infinity, fraction: Infinity };
    return whole <= NUMERIC.whole && fraction <= NUMERIC.fraction;
  },
  BIGNUMERIC: (text) => {
    const number = parseDecimal(text);
    return (
      number !== undefined &&
      digitsOf(number).fraction <= BIGNUMERIC_FRACTION &&
      Math.abs(Number(text)) <= BIGNUMERIC_MOST
    );
  },
  DATE: inYears(DATE),
  DATETIME: inYears(DATETIME),
  TIMESTAMP: (text) => microsecondsSince1970(text) !== undefined,
  TIME: (text) => !text.startsWith('24:'),
  JSON: isHeldJson,
};

/** Whether a column of this type, REPEATED or not, holds this value of the source exactly. */
export function isHeld(type: string, isRepeated: boolean, value: Value): boolean {
  if (value === null) return true;
  if (!isRepeated) return isHeldText(type, value as string);
  // An array of more than one dimension is read as one text.
  return Array.isArray(value) && value.every((element) => element !== null && isHeldElement(type, element));
}

/** A REPEATED column holds no NULL, and a JSON null is one. */
const isHeldElement = (type: string, text: string): boolean =>
  !(type === 'JSON' && text === 'null') && isHeldText(type, text);

const isHeldText = (type: string, text: string): boolean => BY_TYPE[type]?.(text) ?? true;
