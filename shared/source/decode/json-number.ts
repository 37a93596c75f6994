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
  return shortest.digits === digits && shortest.power === power;
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
