const GROUP_DIGITS = 4;
/** So many groups of digits, and each of these powers of ten, stay below 2^53. */
const EXACT_GROUPS = 3;
const POWERS = Array.from({ length: 16 }, (_, power) => 10 ** power);

/**
 * A finite decimal number, as PostgreSQL keeps it: digits in groups of four. The first group counts units of 10000^weight, each next one 1/10000 of
 * them. One instance is filled again for each value.
 */
export class DecimalGroups {
  isNegative = false;
  weight = 0;
  /** How many digits after the decimal point are shown. */
  scale = 0;
  count = 0;
  readonly groups: number[] = [];

  /** The number that a text of digits, perhaps with a sign and a decimal point, stands for. */
  static parse(text: string): DecimalGroups {
    const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
    if (sign === undefined) throw new RangeError('the text is no decimal number');
    const parsed = new DecimalGroups();
    const before = whole.padStart(Math.ceil(whole.length / GROUP_DIGITS) * GROUP_DIGITS, '0');
    const after = fraction.padEnd(Math.ceil(fraction.length / GROUP_DIGITS) * GROUP_DIGITS, '0');
    for (const group of (before + after).match(/\d{4}/g) ?? []) parsed.groups.push(Number(group));
    parsed.isNegative = sign === '-' && /[1-9]/.test(text);
    parsed.weight = before.length / GROUP_DIGITS - 1;
    parsed.count = parsed.groups.length;
    parsed.scale = fraction.length;
    return parsed;
  }

  /** Whether the number has at most so many digits after the decimal point, besides zeros at the end. */
  hasScale(digits: number): boolean {
    return this.#lastPower() >= -digits;
  }

  /** The number in units of 10^-scale: a number where that is exact. Throws a RangeError for one that is not whole. */
  unscaled(scale: number): number | bigint {
    if (this.count === 0) return 0;
    const power = GROUP_DIGITS * (this.weight - this.count + 1) + scale;
    const factor = POWERS[Math.abs(power)];
    if (this.count <= EXACT_GROUPS && factor !== undefined) {
      let value = 0;
      for (let i = 0; i < this.count; i += 1) value = value * 10_000 + (this.groups[i] as number);
      if (power < 0 && value % factor !== 0) throw finer(scale);
      value = power >= 0 ? value * factor : value / factor;
      if (value <= Number.MAX_SAFE_INTEGER) return this.isNegative ? -value : value;
    }
    const digits = BigInt(this.#digits());
    const tens = 10n ** BigInt(Math.abs(power));
    if (power < 0 && digits % tens !== 0n) throw finer(scale);
    const value = power >= 0 ? digits * tens : digits / tens;
    return this.isNegative ? -value : value;
  }

  /** As PostgreSQL writes it. */
  toString(): string {
    const point = (this.weight + 1) * GROUP_DIGITS;
    const digits = this.#digits();
    const whole =
      point <= 0
        ? '0'
        : digits
            .slice(0, point)
            .padEnd(point, '0')
            .replace(/^0+(?=\d)/, '');
    const fraction = (point < 0 ? '0'.repeat(-point) + digits : digits.slice(Math.max(point, 0)))
      .slice(0, this.scale)
      .padEnd(this.scale, '0');
    return `${this.isNegative ? '-' : ''}${whole === '' ? '0' : whole}${this.scale > 0 ? `.${fraction}` : ''}`;
  }

  #digits(): string {
    let digits = '';
    for (let i = 0; i < this.count; i += 1) digits += String(this.groups[i]).padStart(GROUP_DIGITS, '0');
    return digits;
  }

  /** The power of ten of the last digit that is no zero. */
  #lastPower(): number {
    for (let i = this.count - 1; i >= 0; i -= 1) {
      let group = this.groups[i] as number;
      if (group === 0) continue;
      let power = GROUP_DIGITS * (this.weight - i);
      while (group % 10 === 0) {
        group /= 10;
        power += 1;
      }
      return power;
    }
    return 0;
  }
}

const finer = (scale: number): RangeError =>
  new RangeError(`the number has more than ${scale} digits after the decimal point`);
