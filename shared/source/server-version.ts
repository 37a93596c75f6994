import { DataHubError } from '../errors.ts';

/** A server's version, as the columns of SERVER_VERSION give it. */
export type ServerVersion = { serverVersion: string; serverVersionNumber: number };

export const SERVER_VERSION = `current_setting('server_version') as "serverVersion",
  current_setting('server_version_num')::int as "serverVersionNumber"`;

/** PostgreSQL 14 introduced multiranges, which a capture needs. */
const OLDEST = 140_000;

/** Throws `source_refused` if the server is too old. */
export function assertNewEnough({ serverVersion, serverVersionNumber }: ServerVersion): void {
  if (serverVersionNumber >= OLDEST) return;
  throw new DataHubError('source_refused', `PostgreSQL ${serverVersion} is too old: it has no multiranges`, {
    advice: 'Upgrade the source to PostgreSQL 14 or newer. Then resume the view.',
  });
}
