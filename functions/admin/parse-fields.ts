import { z } from 'zod';
import { DataHubError } from '../../shared/errors.ts';

/** A text that PostgreSQL can hold: without NUL characters. */
export const textField = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine((given) => !given.includes('\0'), { error: 'contains a NUL character' });

/** A positive 64-bit number, such as an id. */
export const idField = z
  .string()
  .regex(/^\d{1,18}$/, 'is not a number')
  .transform(BigInt);

/** A day in UTC, of years that the control database has times of. */
export const dayField = z.iso
  .date('is not a day such as 2026-01-31')
  .refine((given) => /^(19|20)/.test(given), {
    error: 'is not a day of these times',
  });

/** The fields of an address or a form. A field that was left empty was not filled in. Throws `invalid_event` naming every fault. */
export function parseFields<T>(schema: z.ZodType<T>, given: Record<string, unknown>): T {
  const filled = Object.entries(given).filter(([, value]) => value !== '');
  const parsed = schema.safeParse(Object.fromEntries(filled));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new DataHubError('invalid_event', `The address or the form is not valid: ${faults.join('; ')}.`, {
    advice: 'Go back and correct it, or begin again from the overview.',
  });
}

/** Whether an address or a form has fields that were left empty. */
export const hasEmptyFields = (given: Record<string, unknown>): boolean => Object.values(given).includes('');
