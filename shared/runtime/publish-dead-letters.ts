import { asDataHubError } from '../errors.ts';
import type { Dependencies } from './dependencies.ts';

/** Publishes the dead letters of recorded failures. Never throws: what could not be published stays due, and the next tick tries again. */
export async function publishPendingDeadLetters({ control, events, log }: Dependencies): Promise<void> {
  const failures = await control
    .publishPendingDeadLetters(events.publishDeadLetter)
    .catch((thrown: unknown) => [thrown]);
  for (const failure of failures) {
    log.error({ error: asDataHubError(failure).message }, 'dead letter not published');
  }
}
