import { DataHubError } from '../../errors.ts';

/** The error of a COPY that is not what PostgreSQL sends. */
export const brokenCopy = (why: string): DataHubError =>
  new DataHubError('transient', `source database: the rows of a COPY cannot be read: ${why}`);
