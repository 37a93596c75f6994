const DECIMAL = /^-?\d+(?:\.\d+)?$/;

const NUMERIC_SCALE = 9;
const NUMERIC_END = 10n ** 38n;
const BIGNUMERIC_SCALE = 38;
const BIGNUMERIC_END = 2n ** 255n;

/** Whether a text is a decimal number that NUMERIC holds exactly: 38 digits, 9 of them after the point. */
export function fitsNumeric(text: string): boolean {
  const units = unitsOf(text, NUMERIC_SCALE);
  return units !== null && units < NUMERIC_END && units > -NUMERIC_END;
}

/** Whether a text is a decimal number that BIGNUMERIC holds exactly: a 256-bit integer in units of 10^-38. */
export function fitsBignumeric(text: string): boolean {
  const units = unitsOf(text, BIGNUMERIC_SCALE);
  return units !== null && units < BIGNUMERIC_END && units >= -BIGNUMERIC_END;
}

/** Returns the number in units of 10^-scale, or null when the text is not a decimal number or needs finer units. */
function unitsOf(text: string, scale: number): bigint | null {
  if (!DECIMAL.test(text)) return null;
  const [whole = '', fraction = ''] = text.split('.');
  if (/[1-9]/.test(fraction.slice(scale))) return null;
  return BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
}
