import type pg from 'pg';
import { type Config, parseConfig } from '../config/config.ts';
import { readSecrets } from '../config/read-secrets.ts';
import { type Control, createControl } from '../control/control.ts';
import { migrate } from '../control/migrate.ts';
import { type Clock, systemClock } from '../deadline.ts';
import { createEvents, type Events } from '../events/events.ts';
import {
  createBigQuery,
  createCloudSqlConnector,
  createPubSub,
  createStorage,
  createWriterClient,
} from '../google/clients.ts';
import { createCloudSqlSockets } from '../google/cloud-sql-sockets.ts';
import { createSecretReader } from '../google/secret-reader.ts';
import { createLog, type Logger } from '../log.ts';
import { once } from '../once.ts';
import { createPool } from '../postgres/pool.ts';
import { createStaging, type Staging } from '../staging/staging.ts';
import type { EndedJob } from '../warehouse/job-usage.ts';
import { createWarehouse, type Warehouse } from '../warehouse/warehouse.ts';

/** Everything outside a step that the step may use. */
export type Dependencies = {
  config: Config;
  control: Control;
  /** Connections to the source as the reader role. */
  source: pg.Pool;
  /** Separate connections for the slices of a whole view, which wait for their turn. */
  slices: pg.Pool;
  staging: Staging;
  warehouse: Warehouse;
  events: Events;
  clock: Clock;
  log: Logger;
};

/**
 * Control transactions are short and wait for no other one, but a heartbeat may coincide with one. All instances of all functions must fit the smallest
 * instances of Cloud SQL (docs/costs.md#limits-and-quotas).
 */
const CONTROL_CONNECTIONS = 2;

/**
 * The dependencies of this process. The first request creates them and migrates the control schema; later requests share them. Throws
 * `environment`, or what reaching the control database throws; the next request then tries again.
 */
export const processDependencies = once(() => createDependencies(process.env));

/** Clients are opened at their first use. */
export async function createDependencies(env: Record<string, string | undefined>): Promise<Dependencies> {
  const readSecret = createSecretReader();
  const config = parseConfig(env, await readSecrets(env, readSecret));
  const openCloudSqlSockets = createCloudSqlSockets(once(createCloudSqlConnector), config.callTimeoutSeconds);
  const login = { config, readSecret, openCloudSqlSockets };
  const controlPool = createPool(config.controlDatabase, {
    name: 'smart-datahub control',
    max: CONTROL_CONNECTIONS,
    ...login,
    // A control transaction locks the lease of its view.
    idleInTransactionSeconds: config.leaseSeconds,
    // As node-postgres reads times and numbers.
    settings: { DateStyle: 'ISO', extra_float_digits: '1' },
  });
  const control = createControl(controlPool);
  const log = createLog(config.logLevel);
  const former = await migrate(controlPool)
    .then(() => control.installation.settle())
    .catch(async (error: unknown) => {
      // The next request opens another one.
      await controlPool.end();
      throw error;
    });
  if (former !== null) log.warn({ former }, 'control database is a copy');
  const recordUsage = async ({ incomplete, ...job }: EndedJob): Promise<void> => {
    const { view, jobId } = job;
    if (incomplete !== null) log.warn({ view, jobId, error: incomplete.message }, 'cost not known');
    await control.jobUsage.record(job);
  };
  return {
    config,
    control,
    source: createPool(config.sourceDatabase, {
      name: 'smart-datahub source',
      max: config.sourceConnections - config.maxSlices,
      settings: { TimeZone: config.sourceTimeZone },
      ...login,
    }),
    slices: createPool(config.sourceDatabase, {
      name: 'smart-datahub source',
      max: config.maxSlices,
      settings: { TimeZone: config.sourceTimeZone },
      connectTimeoutSeconds: config.timeLimitSeconds,
      ...login,
    }),
    staging: createStaging(
      once(() => createStorage(config)),
      config.stagingBucket,
      config,
    ),
    warehouse: createWarehouse(
      once(() => createBigQuery(config)),
      () => createWriterClient(config),
      { projectId: config.projectId, ...config.datasets },
      config.callTimeoutSeconds,
      recordUsage,
    ),
    events: createEvents(
      once(() => createPubSub(config)),
      config.projectId,
      config.topics,
    ),
    clock: systemClock,
    log,
  };
}
