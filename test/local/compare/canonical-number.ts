const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/;

/** A decimal number without its size: `digits` has no zeros at its ends; `exponent` is that of its last digit. Zero has no digits. */
interface Decimal {
  isNegative: boolean;
  digits: string;
  exponent: number;
}

/** @param text such as `-1.50e3`; undefined for anything else, such as `NaN` */
export function parseDecimal(text: string): Decimal | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  return {
    isNegative: sign === '-' && digits !== '',
    digits,
    exponent: digits === '' ? 0 : Number(exponent) - fraction.length + (all.length - digits.length),
  };
}

/** Whether both texts are the same number. */
export const isSameNumber = (a: string, b: string): boolean => written(a) === written(b);

const written = (text: string): string => {
  const { isNegative, digits, exponent } = parseDecimal(text) ?? {
    isNegative: false,
    digits: text,
    exponent: 0,
  };
  return `${isNegative ? '-' : ''}${digits}e${exponent}`;
};

/** The digits before and after the decimal point. */
export function digitsOf({ digits, exponent }: Decimal): { whole: number; fraction: number } {
  return { whole: Math.max(digits.length + exponent, 0), fraction: Math.max(-exponent, 0) };
}

/** The whole number; undefined if the number has a fraction or more digits than any type of whole numbers. */
export function wholeNumber({ isNegative, digits, exponent }: Decimal): bigint | undefined {
  if (exponent < 0 || digits.length + exponent > 25) return undefined;
  return BigInt(`${isNegative ? '-' : ''}${digits || '0'}${'0'.repeat(exponent)}`);
}
