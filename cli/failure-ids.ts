import { UsageError } from './command-error.ts';

/** The ids of failures that were given instead of a view; null if it is one word that is no number, a view. Throws `UsageError` for a mixture. */
export function failureIds(given: readonly string[]): string[] | null {
  if (given.every((text) => /^\d{1,18}$/.test(text))) return [...given];
  if (given.length === 1) return null;
  throw new UsageError('Name one view, or ids of failures as datahub failures shows them.');
}
