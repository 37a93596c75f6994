import type { BigQuery } from '@google-cloud/bigquery';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import type { PubSub } from '@google-cloud/pubsub';
import type { Storage } from '@google-cloud/storage';
import pg from 'pg';
import { limitAnswers } from './answer-timeout.ts';
import type { Config, Secret } from './config.ts';
import { DataHubError } from './errors.ts';
import { giveUpOnSilence } from './postgres.ts';

// The one place that knows that an endpoint can be overridden by environment. Google's libraries read the address from
// their own variables, where they have one; against a stand-in they must not look for credentials, which is all that is decided here.
// Each library is imported when it is first asked for: a function loads only what it uses.

const overridden = (variable: string): boolean => Boolean(process.env[variable]);

async function withoutCredentials() {
  const { PassThroughClient } = await import('google-auth-library');
  return new PassThroughClient();
}

export async function createBigQuery(config: Config): Promise<BigQuery> {
  const { BigQuery } = await import('@google-cloud/bigquery');
  const bigquery = new BigQuery({
    projectId: config.projectId,
    location: config.location,
    ...(overridden('BIGQUERY_EMULATOR_HOST') ? { authClient: await withoutCredentials() } : {}),
  });
  limitAnswers(bigquery, config.callTimeoutSeconds);
  return bigquery;
}

/** A client of the Storage Write API; whoever asked for it closes it. Google has no variable for its address. */
export async function createWriterClient(config: Config): Promise<managedwriter.WriterClient> {
  const { managedwriter } = await import('@google-cloud/bigquery-storage');
  const { projectId } = config;
  const host = process.env.BIGQUERY_STORAGE_EMULATOR_HOST ?? '';
  // Tables in a stand-in, and their rows in the cloud: nobody means that.
  if (Boolean(host) !== overridden('BIGQUERY_EMULATOR_HOST')) {
    throw new DataHubError(
      'environment',
      'BIGQUERY_EMULATOR_HOST and BIGQUERY_STORAGE_EMULATOR_HOST must be given together, or not at all',
    );
  }
  if (!host) return new managedwriter.WriterClient({ projectId });
  const [, apiEndpoint, port] = /^([^:/]+):(\d+)$/.exec(host) ?? [];
  if (apiEndpoint === undefined) {
    throw new DataHubError('environment', 'BIGQUERY_STORAGE_EMULATOR_HOST must have the form host:port');
  }
  const { credentials } = await import('@grpc/grpc-js');
  const sslCreds = credentials.createInsecure();
  return new managedwriter.WriterClient({ projectId, apiEndpoint, port: Number(port), sslCreds });
}

export async function createStorage(config: Config): Promise<Storage> {
  const { Storage, IdempotencyStrategy } = await import('@google-cloud/storage');
  const storage = new Storage({
    projectId: config.projectId,
    retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryConditional },
    ...(overridden('STORAGE_EMULATOR_HOST') ? { authClient: await withoutCredentials() } : {}),
  });
  limitAnswers(storage, config.callTimeoutSeconds);
  return storage;
}

export async function createPubSub(config: Config): Promise<PubSub> {
  const { PubSub } = await import('@google-cloud/pubsub');
  return new PubSub({ projectId: config.projectId });
}

const INT8_OID = 20;

/** 64-bit integers as bigint; everything else as pg reads it. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? (text: string) => BigInt(text)
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export type PoolOptions = {
  name: string;
  max: number;
  config: Config;
  /**
   * How long a transaction may wait for its process, by default the time limit: one that was frozen in the middle must not keep
   * its locks and its snapshot for as long as it sleeps.
   */
  idleInTransactionSeconds?: number;
  /** How long a connection may be waited for, by default as configured. */
  connectTimeoutSeconds?: number;
};

/** A small pool of connections that names itself in pg_stat_activity and gives up on what does not answer. */
export function createPool(
  url: Secret,
  {
    name,
    max,
    config,
    idleInTransactionSeconds = config.timeLimitSeconds,
    connectTimeoutSeconds = config.connectTimeoutSeconds,
  }: PoolOptions,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url.reveal(),
    application_name: name,
    max,
    connectionTimeoutMillis: connectTimeoutSeconds * 1000,
    statement_timeout: config.statementTimeoutSeconds * 1000,
    idle_in_transaction_session_timeout: idleInTransactionSeconds * 1000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types,
  });
  // An idle connection that breaks is replaced by the pool; whoever uses a broken one sees the error there.
  pool.on('error', () => undefined);
  const silenceSeconds = config.statementTimeoutSeconds + config.connectTimeoutSeconds;
  pool.on('connect', (client) => giveUpOnSilence(client, silenceSeconds));
  return pool;
}

/** Runs `make` once and gives everybody its answer; a failure is not remembered. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
