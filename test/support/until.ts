import { setTimeout as elapse } from 'node:timers/promises';

const POLL_INTERVAL_MS = 5;

/** Resolves when the condition holds. If it never does, the time limit of the test applies. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await elapse(POLL_INTERVAL_MS);
}
