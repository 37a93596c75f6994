import type pg from 'pg';
import { parseConfig } from '../../shared/config/config.ts';
import { createPool } from '../../shared/postgres/pool.ts';

/**
 * Opens a pool as the functions do, for a database whose URL is not a secret and that is not in Cloud SQL. `settings` are additional
 * environment variables.
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
    throw new Error('a test pool reads no secrets and uses no Cloud SQL connector');
  };
  return createPool(config.sourceDatabase, {
    name: 'test',
    max,
    config,
    settings: { TimeZone: config.sourceTimeZone },
    readSecret: unused,
    openCloudSqlSockets: unused,
  });
}
