export type Spread = { median: number; min: number; max: number };

/** Rounded to a thousandth. */
export function spreadOf(values: readonly number[]): Spread {
  const rounded = (value: number) => Number(value.toFixed(3));
  return {
    median: rounded(median(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
  };
}

/** Throws for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  if (low === undefined || high === undefined) throw new Error('no values have a median');
  return (low + high) / 2;
}
