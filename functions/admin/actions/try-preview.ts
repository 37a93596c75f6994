import { adviceByHand, asDataHubError } from '../../../shared/errors.ts';
import type { Preview } from './action.ts';

/** What source or BigQuery tells for a preview; `unknown` if they do not answer. A mistake in what was filled in is thrown. */
export async function tryPreview<T extends object>(
  read: () => Promise<T>,
  { isNeeded }: { isNeeded: boolean },
): Promise<{ found: T; unknown?: never } | { found: null; unknown: NonNullable<Preview['unknown']> }> {
  try {
    return { found: await read() };
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind === 'bug') throw error;
    return {
      found: null,
      unknown: { error: { message: error.message, advice: adviceByHand(error, 'operation') }, isNeeded },
    };
  }
}
