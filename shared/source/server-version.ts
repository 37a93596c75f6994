import { DataHubError } from '../errors.ts';

/** What a server says of itself, in the columns of SERVER_VERSION. */
export type ServerVersion = { serverVersion: string; serverVersionNumber: number };

export const SERVER_VERSION = `current_setting('server_version') as "serverVersion",
  current_setting('server_version_num')::int as "serverVersionNumber"`;

/** A checkpoint is kept in a multirange, which came with PostgreSQL 14. */
const OLDEST = 140_000;

/** Throws `source_refused` for a server that is too old to be captured. */
export function assertNewEnough({ serverVersion, serverVersionNumber }: ServerVersion): void {
  if (serverVersionNumber >= OLDEST) return;
  throw new DataHubError('source_refused', `PostgreSQL ${serverVersion} is too old: it has no multiranges`, {
    advice: 'Upgrade the source to PostgreSQL 14 or newer.',
  });
}
