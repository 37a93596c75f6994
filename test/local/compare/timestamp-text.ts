const TIMESTAMP =
  /^ *(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?:Z|([-+])(\d\d):?(\d\d)?)? *$/;

/**
 * The microseconds of a time such as `2024-02-29 23:59:59.123456+00`, which is in UTC without an offset; seconds, or the whole time of day, may
 * be missing. Undefined for what is no such time of the years 1 to 9999: `infinity`, the 30th of February.
 */
export function microsecondsSince1970(text: string): bigint | undefined {
  const [, year = '', month = '', day = '', ...time] = TIMESTAMP.exec(text) ?? [];
  const [
    hours = '00',
    minutes = '00',
    seconds = '00',
    fraction = '',
    sign,
    offsetHours,
    offsetMinutes = '00',
  ] = time;
  const date = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  // A day that the month does not have becomes one of the next month.
  const exists = year > '0000' && !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
  if (!exists) return undefined;
  const offset =
    sign === undefined ? 0n : (BigInt(offsetHours ?? 0) * 60n + BigInt(offsetMinutes)) * 60_000_000n;
  const local = BigInt(date.getTime()) * 1000n + BigInt(fraction.padEnd(6, '0'));
  return sign === '-' ? local + offset : local - offset;
}
