const TIME_OF_DAY = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?';
const DAY = '\\d{4}-\\d\\d-\\d\\d';

const DATE = new RegExp(`^${DAY}$`);
const TIME = new RegExp(`^${TIME_OF_DAY}$`);
const DATETIME = new RegExp(`^${DAY}(?:[T ]${TIME_OF_DAY})?$`);
const TIMESTAMP = new RegExp(`^${DAY}(?:[T ]${TIME_OF_DAY}(?:Z| UTC|[+-][01]\\d:[0-5]\\d)?)?$`);

// The positions of the parts in `2026-01-02T03:04:05.123456+00:00`.
const MONTH_AT = 5;
const DAY_AT = 8;
const HOUR_AT = 11;
const MINUTE_AT = 14;
const SECOND_AT = 17;
const POINT_AT = 19;
const ZONE_LENGTH = 6;

const ZERO = 48;
const SECONDS_A_DAY = 86_400;
const MICROS_A_SECOND = 1_000_000;
/** 0001-01-01 and the day after 9999-12-31, as days since 1970-01-01. */
const FIRST_DAY = -719_162;
const END_DAY = 2_932_897;
/** Maximum number of seconds whose microseconds a double can hold exactly. */
const EXACT_SECONDS = Math.floor(Number.MAX_SAFE_INTEGER / MICROS_A_SECOND) - 1;

/** Returns the days since 1970-01-01, or null for a text that is not a date in the years 1 to 9999. */
export function daysOfDate(text: string): number | null {
  return DATE.test(text) ? daysAtStart(text) : null;
}

/**
 * Returns the microseconds since 1970-01-01 00:00 UTC, as a bigint where a number would round them, or null for a text that is not a
 * timestamp in the years 1 to 9999. A text without a zone is in UTC, as in BigQuery.
 */
export function microsOfTimestamp(text: string): number | bigint | null {
  if (!TIMESTAMP.test(text)) return null;
  const days = daysAtStart(text);
  if (days === null) return null;
  let seconds = days * SECONDS_A_DAY;
  let micros = 0;
  if (text.length > HOUR_AT) {
    seconds += twoDigits(text, HOUR_AT) * 3600 + twoDigits(text, MINUTE_AT) * 60 + twoDigits(text, SECOND_AT);
    seconds -= zoneSeconds(text);
    micros = fractionMicros(text);
    if (seconds < FIRST_DAY * SECONDS_A_DAY || seconds >= END_DAY * SECONDS_A_DAY) return null;
  }
  return Math.abs(seconds) > EXACT_SECONDS
    ? BigInt(seconds) * BigInt(MICROS_A_SECOND) + BigInt(micros)
    : seconds * MICROS_A_SECOND + micros;
}

/** Whether a text is a date in the years 1 to 9999, with or without a time of day. */
export function isDatetime(text: string): boolean {
  return DATETIME.test(text) && daysAtStart(text) !== null;
}

/** Whether a text is a time of day. BigQuery has no 24:00:00. */
export function isTime(text: string): boolean {
  return TIME.test(text);
}

/** Returns the microseconds since midnight, or null for a text that is not a time of day. */
export function microsOfTime(text: string): number | null {
  const micros = TIME.test(text) ? microsOfTimestamp(`1970-01-01T${text}`) : null;
  return micros === null ? null : Number(micros);
}

/** Returns the days since 1970-01-01 of the date at the start of a text, or null when that day does not exist. */
function daysAtStart(text: string): number | null {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, MONTH_AT);
  const day = twoDigits(text, DAY_AT);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return null;
  return daysSinceEpoch(year, month, day);
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Starts years in March, so that the leap day ends a year. `Date.UTC` would take the years 1 to 99 for 1901 to 1999. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const isAfterFebruary = month > 2;
  const years = isAfterFebruary ? year : year - 1;
  const months = isAfterFebruary ? month - 3 : month + 9;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  const daysBeforeMonth = Math.floor((153 * months + 2) / 5);
  return years * 365 + leapDays + daysBeforeMonth + day - 1 - 719_468;
}

/** Returns the offset of the text's zone east of UTC, in seconds; 0 without a zone. */
function zoneSeconds(text: string): number {
  const at = text.length - ZONE_LENGTH;
  const sign = text[at];
  if (sign !== '+' && sign !== '-') return 0;
  const seconds = twoDigits(text, at + 1) * 3600 + twoDigits(text, at + 4) * 60;
  return sign === '+' ? seconds : -seconds;
}

function fractionMicros(text: string): number {
  if (text[POINT_AT] !== '.') return 0;
  let micros = 0;
  let unit = MICROS_A_SECOND / 10;
  for (let at = POINT_AT + 1; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    micros += digit * unit;
    unit /= 10;
  }
  return micros;
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
}

const DAYS_TO_MARCH_0000 = 719_468;
const DAYS_PER_400_YEARS = 146_097;
const MICROS_A_DAY = SECONDS_A_DAY * MICROS_A_SECOND;

/** The date so many days after 1970-01-01, in the years 1 to 9999, such as `2026-01-31`. */
export function dateText(days: number): string {
  // The inverse of `daysSinceEpoch`.
  const sinceMarch = days + DAYS_TO_MARCH_0000;
  const era = Math.floor(sinceMarch / DAYS_PER_400_YEARS);
  const dayOfEra = sinceMarch - era * DAYS_PER_400_YEARS;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${padded(year, 4)}-${pair(month)}-${pair(day)}`;
}

/** The time of day so many microseconds after midnight, such as `08:00:00` or `08:00:00.000001`. */
export function timeText(micros: number): string {
  const seconds = Math.floor(micros / MICROS_A_SECOND);
  const fraction = micros - seconds * MICROS_A_SECOND;
  const minutes = Math.floor(seconds / 60);
  const whole = `${pair(Math.floor(minutes / 60))}:${pair(minutes % 60)}:${pair(seconds % 60)}`;
  return fraction === 0 ? whole : `${whole}.${padded(fraction, 6).replace(/0+$/, '')}`;
}

/** The date and time so many microseconds after 1970-01-01, such as `2026-01-31T08:00:00`. */
export function datetimeText(micros: number | bigint): string {
  const days =
    typeof micros === 'number'
      ? Math.floor(micros / MICROS_A_DAY)
      : Math.floor(Number(micros / 1000n) / (MICROS_A_DAY / 1000));
  const rest =
    typeof micros === 'number'
      ? micros - days * MICROS_A_DAY
      : Number(micros - BigInt(days) * BigInt(MICROS_A_DAY));
  return `${dateText(days)}T${timeText(rest)}`;
}

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0');

const PAIRS = Array.from({ length: 100 }, (_, value) => padded(value, 2));
/** Two digits. */
const pair = (value: number): string => PAIRS[value] as string;
