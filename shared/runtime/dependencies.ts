import type pg from 'pg';
import { type Config, parseConfig } from '../config/config.ts';
import { readSecrets } from '../config/read-secrets.ts';
import { type Control, createControl } from '../control/control.ts';
import { migrate } from '../control/migrate.ts';
import { createEvents, type Events } from '../events/events.ts';
import {
  createBigQuery,
  createCloudSqlConnector,
  createPubSub,
  createSecretReader,
  createStorage,
  createWriterClient,
  once,
} from '../google/clients.ts';
import { createLog, type Logger } from '../log.ts';
import { createPool } from '../postgres/pool.ts';
import { createStaging, type Staging } from '../staging/staging.ts';
import { createWarehouse, type Warehouse } from '../warehouse/warehouse.ts';

/** What a step is given: everything outside itself. */
export type Dependencies = {
  config: Config;
  control: Control;
  /** Connections to the source, as the reader role. */
  source: pg.Pool;
  /** Others, for the slices of views that are copied whole, which wait for their turn. */
  slices: pg.Pool;
  staging: Staging;
  warehouse: Warehouse;
  events: Events;
  clock: Clock;
  log: Logger;
};

export type Clock = { nowMs(): number };

/** Control transactions are short; a heartbeat may meet one. */
const CONTROL_CONNECTIONS = 4;

/**
 * The dependencies of a process, made at its first request and then shared; the control schema is brought up to date.
 * Throws `environment`, or what reaching the control database throws; the next request tries again.
 */
export const processDependencies = once(() => createDependencies(process.env));

export async function createDependencies(env: Record<string, string | undefined>): Promise<Dependencies> {
  const readSecret = createSecretReader();
  const config = parseConfig(env, await readSecrets(env, readSecret));
  const access = { config, readSecret, openConnector: once(createCloudSqlConnector) };
  const controlPool = createPool(config.controlDatabase, {
    name: 'smart-datahub control',
    max: CONTROL_CONNECTIONS,
    ...access,
    // A change locks its view's lease.
    idleInTransactionSeconds: config.leaseSeconds,
  });
  await migrate(controlPool);
  return {
    config,
    control: createControl(controlPool),
    source: createPool(config.sourceDatabase, {
      name: 'smart-datahub source',
      max: config.sourceConnections - config.maxSlices,
      ...access,
    }),
    slices: createPool(config.sourceDatabase, {
      name: 'smart-datahub source',
      max: config.maxSlices,
      connectTimeoutSeconds: config.timeLimitSeconds,
      ...access,
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
    ),
    events: createEvents(
      once(() => createPubSub(config)),
      config.topics,
      config.callTimeoutSeconds,
    ),
    clock: { nowMs: () => Date.now() },
    log: createLog(config.logLevel),
  };
}
