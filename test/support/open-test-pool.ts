import type pg from 'pg';
import type { Config } from '../../shared/config/config.ts';
import type { DatabaseConfig } from '../../shared/config/database-config.ts';
import { createPool } from '../../shared/postgres/pool.ts';

/** Connections made the way the functions make them, to a database whose URL is no secret and that is not in Cloud SQL. */
export function openTestPool(
  database: DatabaseConfig,
  { max, config }: { max: number; config: Config },
): pg.Pool {
  const unused = (): never => {
    throw new Error('a test pool reads no secret and has no connector');
  };
  return createPool(database, { name: 'test', max, config, readSecret: unused, openCloudSqlSockets: unused });
}
