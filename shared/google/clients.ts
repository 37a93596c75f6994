import type { BigQuery } from '@google-cloud/bigquery';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import type { Connector } from '@google-cloud/cloud-sql-connector';
import type { Storage } from '@google-cloud/storage';
import type { Config } from '../config/config.ts';
import { DataHubError } from '../errors.ts';
import { addRequestTimeout } from './request-timeout.ts';
import { createRestClient, type RestClient } from './rest-client.ts';

// Only this file knows that the environment can point a client at an emulator. Google's libraries read most addresses from their own
// variables. This file adds the others, and keeps clients of an emulator from looking for credentials. It imports each library at its first
// use, so that a function loads only the libraries it needs.

/** What a token is for; the roles of its account say what it may do. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

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
  addRequestTimeout(bigquery, config.callTimeoutSeconds);
  return bigquery;
}

/** A client of the Storage Write API, which the caller closes. Google defines no variable for its address. */
export async function createWriterClient(config: Config): Promise<managedwriter.WriterClient> {
  const { managedwriter } = await import('@google-cloud/bigquery-storage');
  const { projectId } = config;
  const emulator = hostAndPort('BIGQUERY_STORAGE_EMULATOR_HOST');
  // One without the other would create tables in an emulator and write their rows to the real BigQuery, or the reverse.
  if ((emulator !== null) !== overridden('BIGQUERY_EMULATOR_HOST')) {
    throw new DataHubError(
      'environment',
      'BIGQUERY_EMULATOR_HOST and BIGQUERY_STORAGE_EMULATOR_HOST must be set together or not at all',
    );
  }
  if (emulator === null) return new managedwriter.WriterClient({ projectId });
  const { credentials } = await import('@grpc/grpc-js');
  const sslCreds = credentials.createInsecure();
  return new managedwriter.WriterClient({ projectId, ...emulator, sslCreds });
}

export async function createStorage(
  config: Pick<Config, 'projectId' | 'callTimeoutSeconds'>,
): Promise<Storage> {
  const { Storage, IdempotencyStrategy } = await import('@google-cloud/storage');
  const storage = new Storage({
    projectId: config.projectId,
    retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryConditional },
    ...(overridden('STORAGE_EMULATOR_HOST') ? { authClient: await withoutCredentials() } : {}),
  });
  // Google's client would call an emulator's JSON API without this path, although it uploads to the path that the emulator expects.
  storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  addRequestTimeout(storage, config.callTimeoutSeconds);
  return storage;
}

/** A client of Pub/Sub, which may publish a message twice. Google's own package takes far longer to load than to publish (decision 126). */
export const createPubSub = (config: Pick<Config, 'callTimeoutSeconds'>): Promise<RestClient> =>
  openRestClient('pubsub', 'PUBSUB_EMULATOR_HOST', config.callTimeoutSeconds);

export const createSecretManager = (timeoutSeconds: number): Promise<RestClient> =>
  openRestClient('secretmanager', 'SECRET_MANAGER_EMULATOR_HOST', timeoutSeconds);

async function openRestClient(api: string, variable: string, timeoutSeconds: number): Promise<RestClient> {
  const emulator = hostAndPort(variable);
  if (emulator !== null) {
    const url = `http://${emulator.apiEndpoint}:${emulator.port}`;
    return createRestClient(url, await withoutCredentials(), timeoutSeconds);
  }
  const { GoogleAuth } = await import('google-auth-library');
  return createRestClient(`https://${api}.googleapis.com`, new GoogleAuth({ scopes: SCOPE }), timeoutSeconds);
}

/** Google's connector to Cloud SQL, which the caller closes. */
export async function createCloudSqlConnector(): Promise<Connector> {
  const { Connector } = await import('@google-cloud/cloud-sql-connector');
  const emulator = hostAndPort('CLOUD_SQL_ADMIN_EMULATOR_HOST');
  if (emulator === null) return new Connector();
  const sqlAdminAPIEndpoint = `http://${emulator.apiEndpoint}:${emulator.port}`;
  return new Connector({ sqlAdminAPIEndpoint, auth: await withoutCredentials() });
}

/** Reads a variable of the form host:port; null when it is not set. Throws `environment` for any other form. */
function hostAndPort(variable: string): { apiEndpoint: string; port: number } | null {
  const host = process.env[variable] ?? '';
  if (!host) return null;
  const [, apiEndpoint, port] = /^(\[[\da-f:]+\]|[^:/]+):(\d+)$/i.exec(host) ?? [];
  if (apiEndpoint === undefined)
    throw new DataHubError('environment', `${variable} must have the form host:port`);
  return { apiEndpoint, port: Number(port) };
}
