import type pg from 'pg';
import { parseConfig } from '../../shared/config/config.ts';
import { createPool } from '../../shared/postgres/pool.ts';

/**
 * Connections made the way the functions make them, to a database whose URL is no secret and that is not in Cloud SQL. `settings` are
 * environment variables beside those that a function needs.
 */
export function openTestPool(
  url: string,
  { max, settings = {} }: { max: number; settings?: Record<string, string | undefined> },
): pg.Pool {
  const config = parseConfig({
    GOOGLE_CLOUD_PROJECT: 'smart-project',
    SOURCE_DATABASE_URL: url,
    CONTROL_DATABASE_URL: url,
    STAGING_BUCKET: 'staging',
    BIGQUERY_LOCATION: 'EU',
    ...settings,
  });
  const unused = (): never => {
    throw new Error('a test pool reads no secret and has no connector');
  };
  return createPool(config.sourceDatabase, {
    name: 'test',
    max,
    config,
    readSecret: unused,
    openCloudSqlSockets: unused,
  });
}
