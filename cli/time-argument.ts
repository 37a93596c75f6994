import { UsageError } from './command-error.ts';

const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * The time that an option names: `2026-01-31T08:00` in the zone of the reader, with a zone of its own, or a span such as `30m`, `2h` or `7d`
 * before or after now. Throws `UsageError`.
 */
export function timeArgument(option: string, text: string, direction: 'before now' | 'after now'): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) {
    const milliseconds = Number(count) * (UNIT_SECONDS[unit] ?? 0) * 1000;
    return new Date(Date.now() + (direction === 'before now' ? -milliseconds : milliseconds));
  }
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(
    `--${option} must be a time such as 2026-01-31T08:00, or a span such as 30m, 2h or 7d, not ${JSON.stringify(text)}`,
  );
}
