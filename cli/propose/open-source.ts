import type pg from 'pg';
import { parseSourceConfig } from '../../shared/config/config.ts';
import { createCloudSqlConnector } from '../../shared/google/clients.ts';
import { createCloudSqlSockets } from '../../shared/google/cloud-sql-sockets.ts';
import { once } from '../../shared/once.ts';
import { createPool } from '../../shared/postgres/pool.ts';

/** A session may wait for the proof of a key. */
const IDLE_SECONDS = 600;
const STATEMENT_TIMEOUT_SECONDS = 300;

/** The names of the two tables, and connections to the source as the functions open them, TLS and Cloud SQL included. */
export type OpenedSource = { source: pg.Pool; changeLogTable: string; contentTypeTable: string };

/** Opens the source. Throws `environment` naming every variable that is wrong, without its value. Connects at the first use. */
export function openSource(
  env: Record<string, string | undefined>,
  { timeoutSeconds }: { timeoutSeconds: number },
): OpenedSource {
  const config = parseSourceConfig(env);
  const source = createPool(config.sourceDatabase, {
    name: 'smart-datahub propose',
    max: 1,
    config: {
      ...config,
      timeLimitSeconds: IDLE_SECONDS,
      statementTimeoutSeconds: Math.max(STATEMENT_TIMEOUT_SECONDS, timeoutSeconds),
    },
    settings: { TimeZone: config.sourceTimeZone },
    readSecret: () => {
      throw new Error('the URL is given, and no secret is read');
    },
    openCloudSqlSockets: createCloudSqlSockets(once(createCloudSqlConnector), config.callTimeoutSeconds),
  });
  return { source, changeLogTable: config.changeLogTable, contentTypeTable: config.contentTypeTable };
}
