import { asDataHubError } from '../errors.ts';
import type { Events } from '../events/events.ts';

/**
 * Requests a batch for something that is recorded already. When that fails, the error says so: a caller must not read that nothing was
 * changed.
 */
export async function requestRecorded(view: string, trigger: string, events: Events): Promise<void> {
  await events.requestExtract(view, trigger).catch((thrown: unknown) => {
    const error = asDataHubError(thrown);
    const recorded = 'What you asked for is recorded, and the next tick does it.';
    const unsent = `${recorded} Only the message that begins it at once was not sent`;
    throw error.withAdvice(error.kind === 'transient' ? `${unsent}.` : `${unsent}: ${error.advice}`);
  });
}
