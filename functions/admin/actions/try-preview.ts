import { adviceByHand, asDataHubError } from '../../../shared/errors.ts';
import type { Preview } from './action.ts';

/** What source or BigQuery tells for a preview; otherwise what the preview says instead: that they do not answer, or why they refuse what was filled in. */
export async function tryPreview<T extends object>(
  read: () => Promise<T>,
  { isNeeded }: { isNeeded: boolean },
): Promise<{ found: T | null; instead: Pick<Preview, 'refused' | 'unknown'> }> {
  try {
    return { found: await read(), instead: {} };
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind === 'bug') throw error;
    const { kind, message } = error;
    const advice = adviceByHand(error, 'operation');
    return {
      found: null,
      instead:
        kind === 'invalid_event'
          ? { refused: `${message}. ${advice}` }
          : { unknown: { error: { message, advice }, isNeeded } },
    };
  }
}
