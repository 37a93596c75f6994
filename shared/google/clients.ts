import type { BigQuery } from '@google-cloud/bigquery';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import type { Connector } from '@google-cloud/cloud-sql-connector';
import type { PubSub } from '@google-cloud/pubsub';
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import type { Storage } from '@google-cloud/storage';
import type { Config } from '../config/config.ts';
import { type SecretReader, unreadable } from '../config/read-secrets.ts';
import { ADVICE, DataHubError } from '../errors.ts';
import { crc32c } from './crc32c.ts';
import { addRequestTimeout, withRequestTimeout } from './request-timeout.ts';
import { refusedSecret } from './secret-errors.ts';

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
  addRequestTimeout(bigquery, config.callTimeoutSeconds);
  return bigquery;
}

/** A client of the Storage Write API; whoever asked for it closes it. Google has no variable for its address. */
export async function createWriterClient(config: Config): Promise<managedwriter.WriterClient> {
  const { managedwriter } = await import('@google-cloud/bigquery-storage');
  const { projectId } = config;
  const standIn = hostAndPort('BIGQUERY_STORAGE_EMULATOR_HOST');
  // Tables in a stand-in, and their rows in the cloud: nobody means that.
  if ((standIn !== null) !== overridden('BIGQUERY_EMULATOR_HOST')) {
    throw new DataHubError(
      'environment',
      'BIGQUERY_EMULATOR_HOST and BIGQUERY_STORAGE_EMULATOR_HOST must be given together, or not at all',
    );
  }
  if (standIn === null) return new managedwriter.WriterClient({ projectId });
  const { credentials } = await import('@grpc/grpc-js');
  const sslCreds = credentials.createInsecure();
  return new managedwriter.WriterClient({ projectId, ...standIn, sslCreds });
}

export async function createStorage(config: Config): Promise<Storage> {
  const { Storage, IdempotencyStrategy } = await import('@google-cloud/storage');
  const storage = new Storage({
    projectId: config.projectId,
    retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryConditional },
    ...(overridden('STORAGE_EMULATOR_HOST') ? { authClient: await withoutCredentials() } : {}),
  });
  addRequestTimeout(storage, config.callTimeoutSeconds);
  return storage;
}

export async function createPubSub(config: Config): Promise<PubSub> {
  const { PubSub } = await import('@google-cloud/pubsub');
  return new PubSub({ projectId: config.projectId });
}

/**
 * Reads versions of secrets, each time anew. Throws `environment` for one that is not there or disabled, `unauthorized`
 * without the right to it, and `transient` for what passes.
 */
export function createSecretReader(): SecretReader {
  const client = once(createSecretManager);
  return async (reference) => {
    const { project, secret, version } = reference;
    const name = `projects/${project}/secrets/${secret}/versions/${version}`;
    const call = client().then((manager) => manager.accessSecretVersion({ name }));
    const [{ payload }] = await withRequestTimeout(SECRET_TIMEOUT_SECONDS, call).catch((error: unknown) => {
      throw refusedSecret(error, reference);
    });
    const bytes = Buffer.from(payload?.data ?? '');
    if (String(payload?.dataCrc32c) !== String(crc32c(bytes))) {
      throw unreadable('transient', reference, 'arrived damaged', { advice: ADVICE.transient });
    }
    // Whoever pipes a value into `gcloud secrets versions add` easily adds a line end.
    return bytes.toString('utf8').trim();
  };
}

/** The configuration is not known yet. */
const SECRET_TIMEOUT_SECONDS = 20;

async function createSecretManager(): Promise<SecretManagerServiceClient> {
  const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager');
  const standIn = hostAndPort('SECRET_MANAGER_EMULATOR_HOST');
  return new SecretManagerServiceClient({
    fallback: true,
    ...(standIn && { ...standIn, protocol: 'http', authClient: await withoutCredentials() }),
  });
}

/** Google's connector to Cloud SQL; whoever asked for it closes it. */
export async function createCloudSqlConnector(): Promise<Connector> {
  const { Connector } = await import('@google-cloud/cloud-sql-connector');
  const standIn = hostAndPort('CLOUD_SQL_ADMIN_EMULATOR_HOST');
  if (standIn === null) return new Connector();
  const sqlAdminAPIEndpoint = `http://${standIn.apiEndpoint}:${standIn.port}`;
  return new Connector({ sqlAdminAPIEndpoint, auth: await withoutCredentials() });
}

/** What a variable of the form host:port says; null when it is absent. Throws `environment` for another form. */
function hostAndPort(variable: string): { apiEndpoint: string; port: number } | null {
  const host = process.env[variable] ?? '';
  if (!host) return null;
  const [, apiEndpoint, port] = /^([^:/]+):(\d+)$/.exec(host) ?? [];
  if (apiEndpoint === undefined)
    throw new DataHubError('environment', `${variable} must have the form host:port`);
  return { apiEndpoint, port: Number(port) };
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
