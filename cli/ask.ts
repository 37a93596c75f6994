import { closestMatch } from 'leven';
import type { ViewStatus } from '../shared/control/status.ts';
import { CommandError, RefusedByFunction } from './command-error.ts';
import type { Installation } from './installation.ts';

/** A payload that may name a view. */
type Payload = { view?: string | undefined } & Record<string, unknown>;

/**
 * Sends an operation to `extract` and returns its answer. For a view that does not exist, the error suggests one with a similar name. Throws
 * what the call throws.
 */
export async function ask<Answer extends object>(
  installation: Installation,
  payload: Payload,
): Promise<Answer> {
  try {
    return (await installation.call('extract', payload)) as Answer;
  } catch (error) {
    const { view } = payload;
    if (view === undefined || !(error instanceof RefusedByFunction) || error.kind !== 'invalid_event')
      throw error;
    const known = await viewNames(installation);
    if (known.includes(view)) throw error;
    throw unknownView(view, known);
  }
}

/** Sends an operation that changes something, with who asks and why. */
export const command = <Answer extends object>(
  installation: Installation,
  payload: Payload,
  why: string | undefined,
): Promise<Answer> =>
  ask(installation, {
    ...payload,
    ...(installation.by !== null && { by: installation.by }),
    ...(why !== undefined && { why }),
  });

/** The names of all views. */
export async function viewNames(installation: Installation): Promise<string[]> {
  const { views } = (await installation.call('extract', { status: true })) as { views: ViewStatus[] };
  return views.map(({ view }) => view);
}

const MAX_DISTANCE = 4;

function unknownView(view: string, known: readonly string[]): CommandError {
  const near = closestMatch(view, known, { maxDistance: MAX_DISTANCE });
  const meant = near === undefined ? '' : `Did you mean ${near}? `;
  return new CommandError(`There is no view ${JSON.stringify(view)}.`, {
    advice:
      known.length === 0
        ? 'No view source is imported yet: datahub views import FILE.'
        : `${meant}The views are ${known.join(', ')}.`,
  });
}
