const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
/** A decimal number of so many digits is exact as a FLOAT64, and one without a fraction as an INT64. */
const EXACT_DIGITS = 15;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Whether BigQuery's JSON holds a number exactly: as an INT64, a UINT64 or a FLOAT64. The text is that of a JSON number. */
export function isExactNumber(text: string): boolean {
  if (text.length <= EXACT_DIGITS && !/e/i.test(text)) return true;
  const { sign, digits, power } = significant(text);
  if (digits === '') return true;
  if (power >= 0) {
    const whole = BigInt(sign + digits) * 10n ** BigInt(power);
    if (whole >= INT64_MIN && whole <= UINT64_MAX) return true;
  }
  const near = Number(text);
  if (!Number.isFinite(near) || near === 0) return false;
  const shortest = significant(String(near));
  return shortest.digits === digits && shortest.power === power && !isHalfway(digits, power, Math.abs(near));
}

const MANTISSA_BITS = 52n;
const MANTISSA = (1n << MANTISSA_BITS) - 1n;
/** The exponent of the lowest bit of the smallest doubles. */
const LOWEST = -1074;

/**
 * Whether digits times a power of ten lie exactly halfway between a double and a neighbour. JavaScript writes such a number as the double that it is read as, but
 * PostgreSQL, whose rule this is in SQL, does not: 4e23 is one.
 */
function isHalfway(digits: string, power: number, double: number): boolean {
  const bits = new BigUint64Array(new Float64Array([double]).buffer)[0] ?? 0n;
  const exponent = Number(bits >> MANTISSA_BITS);
  const mantissa = exponent === 0 ? bits & MANTISSA : (bits & MANTISSA) | (1n << MANTISSA_BITS);
  // In units of a quarter of the lowest bit, since the neighbour below a power of two is only half as far away.
  const lowest = Math.max(exponent, 1) - 1 + LOWEST - 2;
  const [ten, two] = [10n ** BigInt(Math.abs(power)), 2n ** BigInt(Math.abs(lowest))];
  const number = BigInt(digits) * (power >= 0 ? ten : 1n) * (lowest < 0 ? two : 1n);
  const unit = (power < 0 ? ten : 1n) * (lowest >= 0 ? two : 1n);
  const below = (bits & MANTISSA) === 0n && exponent > 1 ? 1n : 2n;
  return number === (mantissa * 4n + 2n) * unit || number === (mantissa * 4n - below) * unit;
}

/** The number as PostgreSQL's numeric writes it, without an exponent. */
export function plainNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  const shift = Number(exponent);
  const digits = whole + fraction;
  const point = whole.length + shift;
  const scale = Math.max(0, fraction.length - shift);
  const before =
    point <= 0
      ? '0'
      : digits
          .slice(0, point)
          .padEnd(point, '0')
          .replace(/^0+(?=\d)/, '');
  const after = (point < 0 ? '0'.repeat(-point) : '') + digits.slice(Math.max(0, point));
  const isZero = /^0*$/.test(digits);
  return `${isZero ? '' : sign}${before}${scale > 0 ? `.${after.padEnd(scale, '0').slice(0, scale)}` : ''}`;
}

/** The number as digits without zeros at either end, times a power of ten. No digits for zero. */
function significant(text: string): { sign: string; digits: string; power: number } {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  return { sign, digits, power: Number(exponent) - fraction.length + all.length - digits.length };
}
