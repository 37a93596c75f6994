import { DataHubError, dispositionOf } from '../../shared/errors.ts';

/** Whether the system recovers from the error by itself: Pub/Sub delivers the event again, or another process has superseded this one. */
export const isRecoverable = (error: unknown): error is DataHubError =>
  error instanceof DataHubError && ['retry', 'stop'].includes(dispositionOf(error));
