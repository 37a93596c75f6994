import { formatDuration } from './log-line.ts';

/** How far a step is. Without `total` nobody knows how much there is to do. */
export interface Amount {
  done: number;
  total?: number | undefined;
  /** In the plural: `rows`. */
  unit: string;
  /** What else there is to say: `2 of 5 views`. */
  detail?: string;
  /** The units differ so much in size that a rate would say nothing. */
  isUneven?: boolean;
}

/** A step that may take long. */
export interface Step {
  update(amount: Amount): void;
  /** Safe to repeat. */
  end(): void;
}

export type BeginStep = (title: string) => Step;

/** For callers that show no progress. */
export const silentStep: BeginStep = () => ({ update: () => undefined, end: () => undefined });

/** A rate over less time than this says nothing. */
const FIRST_RATE_MS = 2000;

/**
 * How far a step is, in words: `Loading the views: 2 of 5 views, 120,000 of 400,000 rows (30%), 31,000 rows/s, 9 s left`.
 *
 * @param elapsedMs since `from` was done
 */
export function describeProgress(
  title: string,
  amount: Amount | undefined,
  { elapsedMs, from }: { elapsedMs: number; from: number },
): string {
  // Nothing to do says nothing.
  if (amount === undefined || amount.total === 0) {
    return `${title}: ${[amount?.detail, formatDuration(elapsedMs)].filter((part) => part !== undefined).join(', ')}`;
  }
  const { done, total, unit, detail, isUneven = false } = amount;
  const shown = Math.min(done, total ?? done);
  const of = total === undefined ? '' : ` of ${number(total)}`;
  const share = total === undefined ? '' : ` (${Math.floor((shown / total) * 100)}%)`;
  const rate = isUneven || elapsedMs < FIRST_RATE_MS ? 0 : ((done - from) / elapsedMs) * 1000;
  const left = total === undefined || total === shown || rate <= 0 ? undefined : (total - shown) / rate;
  const parts = [
    detail,
    `${number(shown)}${of} ${unit}${share}`,
    rate > 0 ? `${number(significant(rate))} ${unit}/s` : undefined,
    left === undefined ? undefined : `${roughly(left)} left`,
  ];
  return `${title}: ${parts.filter((part) => part !== undefined).join(', ')}`;
}

/** Whole seconds: it is an estimate. */
const roughly = (seconds: number): string => {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : formatDuration(whole * 1000);
};

/** Two digits: nobody reads more of a rate. */
const significant = (rate: number): number =>
  rate < 10 ? Number(rate.toFixed(1)) : Number(rate.toPrecision(2));

const number = (count: number): string => count.toLocaleString('en-US');
