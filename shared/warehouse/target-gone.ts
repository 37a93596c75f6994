import { DataHubError } from '../errors.ts';

/** The error for a target that does not exist any more although rows were loaded into it. */
export function targetGone(view: string): DataHubError {
  return new DataHubError(
    'configuration',
    `the target of view ${view} is gone, and with it the loaded rows`,
    {
      context: { view },
      advice: 'Restore the table from its time travel window, or resync the view.',
    },
  );
}
