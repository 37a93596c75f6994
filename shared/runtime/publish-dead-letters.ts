import { asDataHubError } from '../errors.ts';
import type { Dependencies } from './dependencies.ts';

/** Publishes the dead letters of recorded failures. Never throws: a letter that cannot be published stays due, and the next tick retries. */
export async function publishDeadLetters({ control, events, log }: Dependencies): Promise<void> {
  const failures = await control.failures
    .publishPending(events.publishDeadLetter)
    .catch((thrown: unknown) => [thrown]);
  for (const failure of failures) {
    log.error({ error: asDataHubError(failure).message }, 'dead letter not published');
  }
}
