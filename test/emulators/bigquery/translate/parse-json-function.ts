import { invalidQuery, unsupported } from '../error.ts';
import { literal } from '../field.ts';
import { argument, literalText, type Writer } from './function-writer.ts';

/**
 * PARSE_JSON of a literal text, and JSON literals. Numbers must be INT64, UINT64, or FLOAT64 without a loss.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#parse_json
 */
export const parseJson: Writer = (args) => {
  const text = literalText(argument(args, 0));
  if (text === undefined || args.length > 1) throw unsupported('PARSE_JSON of anything but one literal text');
  return `cast(${literal(canonical(text))} as json)`;
};

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\s+|./gs;

/**
 * Spaces are lost, and the text of a number may change; members stay in their order, which Google does not promise.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#json_type
 */
function canonical(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalidQuery(`Invalid input to PARSE_JSON: ${String(error)}`);
  }
  return (text.match(TOKEN) ?? [])
    .map((token) => (/^[-\d]/.test(token) ? number(token) : token.trimStart()))
    .join('');
}

function number(text: string): string {
  if (/^-?\d+$/.test(text)) {
    const integer = BigInt(text);
    if (integer >= -(2n ** 63n) && integer < 2n ** 64n) return text;
  }
  const value = Number(text);
  if (decimal(value.toExponential()) !== decimal(text)) {
    throw invalidQuery(
      `Invalid input to PARSE_JSON: Input number: ${text} cannot round-trip through string representation`,
    );
  }
  if (Math.abs(value) >= 1e17) return value.toExponential();
  return Number.isInteger(value) ? `${text.startsWith('-') ? '-' : ''}${Math.abs(value)}.0` : String(value);
}

/** The same text for the same number: its digits, and the power of ten that they are multiplied by. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
