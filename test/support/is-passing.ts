import { DataHubError, dispositionOf } from '../../shared/errors.ts';

/** Whether it is a failure after which Pub/Sub brings the event again, or that of a process which another was quicker than. */
export const isPassing = (error: unknown): error is DataHubError =>
  error instanceof DataHubError && ['retry', 'stop'].includes(dispositionOf(error));
