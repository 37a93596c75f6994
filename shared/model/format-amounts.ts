const NUMBER = new Intl.NumberFormat('en');

/** Groups the digits of a whole number, which may be a text of any length. */
export const formatNumber = (value: string | number | bigint): string =>
  NUMBER.format(typeof value === 'string' ? BigInt(value) : value);

/** A number of things: `1 row`, `2 rows`. */
export const formatCount = (count: string | number | bigint, one: string, many: string): string =>
  `${formatNumber(count)} ${BigInt(count) === 1n ? one : many}`;

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Writes bytes with a unit, to three digits. */
export function formatBytes(bytes: string | number | bigint): string {
  let amount = Number(bytes);
  let unit = 0;
  while (amount >= 1000 && unit < BYTES.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toPrecision(3)} ${BYTES[unit]}`;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

/** Writes a duration in its two largest units, and less than a minute with a tenth of a second. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.join(' ');
}

/** Writes how far a copy has come: `3 of 40 slices, 3,000,000 rows, 250,000 a second, about 2 min left`. */
export function formatCopy({
  slices,
  slicesDone,
  rows,
  rowsPerSecond,
  secondsLeft,
}: {
  slices: number;
  slicesDone: number;
  rows: string;
  rowsPerSecond: number | null;
  secondsLeft: number | null;
}): string {
  const done = `${formatNumber(slicesDone)} of ${formatCount(slices, 'slice', 'slices')}, ${formatCount(rows, 'row', 'rows')}`;
  if (rowsPerSecond === null || secondsLeft === null) return done;
  return `${done}, ${formatNumber(rowsPerSecond)} a second, about ${formatSeconds(secondsLeft)} left`;
}
