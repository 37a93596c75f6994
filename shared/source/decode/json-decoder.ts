import { isExactNumber, plainNumber } from './json-number.ts';
import { INEXACT_JSON, JSON_NULL } from './reasons.ts';
import type { Decoder } from './value-decoder.ts';

const MAX_DEPTH = 500;
/** Digits in a row, and in an exponent: INT64, UINT64 and FLOAT64 hold no longer number exactly. */
const LONG_NUMBER = 1000;
const LONG_EXPONENT = /e[-+]?0*[1-9]\d{3}/i;
const LONG_DIGITS = new RegExp(`\\d{${LONG_NUMBER + 1}}`);
/** So many digits are an exact number in every case. */
const SURE_DIGITS = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const NULL_START = 0x6e;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
const PLUS = 0x2b;
/** The binary form of jsonb begins with its version. */
const VERSION_BYTES = 1;

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE;
const isOfNumber = (byte: number): boolean =>
  isDigit(byte) || byte === POINT || byte === MINUS || byte === PLUS || byte === LOWER_E || byte === UPPER_E;

/** Decodes a jsonb. PostgreSQL has written it without exponents, repeated keys and lone surrogates. */
export const decodeJsonb: Decoder = (buffer, at, length, writer) => {
  const from = at + VERSION_BYTES;
  const to = at + length;
  if (buffer[from] === NULL_START) return JSON_NULL;
  if (!holds(buffer, from, to, isExactNumber)) return INEXACT_JSON;
  writer.text(buffer, from, to);
  return null;
};

/** Decodes a json, or what to_json makes of a value, into what a jsonb would be: of repeated keys the last, and numbers without exponents. */
export const decodeJson: Decoder = (buffer, at, length, writer) => {
  const text = buffer.toString('utf8', at, at + length);
  if (text.trim() === 'null') return JSON_NULL;
  if (!holds(buffer, at, at + length, isShort) || hasUnpairedEscape(text)) return INEXACT_JSON;
  const value = JSON.parse(text, keepNumber) as unknown;
  const written = Buffer.from(JSON.stringify(value));
  // Of repeated keys, only the last one counts.
  if (!holds(written, 0, written.length, isExactNumber)) return INEXACT_JSON;
  writer.text(written, 0, written.length);
  return null;
};

function keepNumber(_key: string, value: unknown, { source }: { source: string }): unknown {
  return typeof value === 'number' ? JSON.rawJSON(plainNumber(source)) : value;
}

/** Whether a JSON text is nested at most as deep as BigQuery's JSON, and has only numbers that `fits` accepts, which sees those alone that may not fit. */
function holds(buffer: Buffer, from: number, to: number, fits: (number: string) => boolean): boolean {
  let depth = 0;
  let i = from;
  while (i < to) {
    const byte = buffer[i] as number;
    if (byte === QUOTE) i = endOfString(buffer, i);
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return false;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    else if (isDigit(byte) || byte === MINUS) {
      const start = i;
      while (i + 1 < to && isOfNumber(buffer[i + 1] as number)) i += 1;
      if (i - start >= SURE_DIGITS || hasExponent(buffer, start, i)) {
        if (!fits(buffer.toString('latin1', start, i + 1))) return false;
      }
    }
    i += 1;
  }
  return true;
}

/** Whether a number is one that PostgreSQL's numeric, and so its jsonb, can hold. */
const isShort = (number: string): boolean => !LONG_DIGITS.test(number) && !LONG_EXPONENT.test(number);

/** The place of the quote that ends the string whose first quote is at `from`. */
function endOfString(buffer: Buffer, from: number): number {
  let i = from + 1;
  for (;;) {
    const byte = buffer[i];
    if (byte === QUOTE || byte === undefined) return i;
    i += byte === BACKSLASH ? 2 : 1;
  }
}

function hasExponent(buffer: Buffer, from: number, to: number): boolean {
  for (let i = from; i <= to; i += 1) {
    if (buffer[i] === LOWER_E || buffer[i] === UPPER_E) return true;
  }
  return false;
}

/** Whether a string of the JSON text has an escaped NUL or half of a surrogate pair, which a jsonb cannot have. */
function hasUnpairedEscape(text: string): boolean {
  if (!text.includes('\\u')) return false;
  const bare = text.replaceAll('\\\\', '--').replace(/\\u[dD][89abAB]..\\u[dD][c-fC-F]/g, '-');
  return /\\u(?:[dD][89a-fA-F]|0000)/.test(bare);
}
