import { z } from 'zod';

const DAY_MS = 86_400_000;

/**
 * One end of a range of days: a day in UTC, or the time at which a day of the reader's zone begins or ends, which the page's script sends instead.
 */
export const dayField = z
  .union([z.iso.date(), z.iso.datetime()], { error: 'is not a day such as 2026-01-31' })
  .refine((given) => /^(19|20)/.test(given), { error: 'is not a day of these times' });

const isDay = (given: string): boolean => given.length === 10;

/** The time at which a range begins. */
export const beginOf = (from: string): Date => new Date(from);

/** The time before which a range ends: a day belongs to it as a whole. */
export const endOf = (to: string): Date => new Date(Date.parse(to) + (isDay(to) ? DAY_MS : 0));
