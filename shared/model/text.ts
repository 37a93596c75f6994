import { z } from 'zod';

/** A text that PostgreSQL can hold: it has neither a NUL character nor an unpaired surrogate. */
export const text = z.string().refine((given) => !given.includes('\0') && given.isWellFormed(), {
  error: 'contains a NUL character or an unpaired surrogate',
});
