import type { Field } from '../field.ts';

interface Cell {
  v: string | null | { v: string }[];
}

/**
 * Writes the timestamps of rows as BigQuery does unless a request sets `useInt64Timestamp`: as seconds, in the text of a floating-point
 * number. https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions names only the other form; this one is
 * [not documented], seen in the tests of Google's clients: `1.408452095E9`.
 */
export function floatTimestamps(rows: readonly string[], fields: readonly Field[]): readonly string[] {
  if (!fields.some(({ type }) => type === 'TIMESTAMP')) return rows;
  return rows.map((row) => {
    const { f }: { f: Cell[] } = JSON.parse(row);
    const cells = f.map((cell, index) => (fields[index]?.type === 'TIMESTAMP' ? inSeconds(cell) : cell));
    return JSON.stringify({ f: cells });
  });
}

function inSeconds({ v }: Cell): Cell {
  if (v === null) return { v };
  return { v: typeof v === 'string' ? secondsText(v) : v.map((each) => ({ v: secondsText(each.v) })) };
}

/** As Java writes a double: with an exponent from 10,000,000 on and below 0.001, and always with a decimal point. */
function secondsText(micros: string): string {
  const seconds = Number(micros) / 1e6;
  const size = Math.abs(seconds);
  if (size === 0 || (size >= 1e-3 && size < 1e7)) return withPoint(String(seconds));
  const [mantissa = '', exponent = ''] = seconds.toExponential().split('e');
  return `${withPoint(mantissa)}E${Number(exponent)}`;
}

const withPoint = (digits: string): string => (digits.includes('.') ? digits : `${digits}.0`);
