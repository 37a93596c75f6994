import { Socket } from 'node:net';
import type { Connector, IpAddressTypes } from '@google-cloud/cloud-sql-connector';
import pg from 'pg';
import type { Config } from '../config/config.ts';
import { type CloudSql, canReplace, type DatabaseConfig, type Side } from '../config/database-config.ts';
import { type SecretReader, unreadable } from '../config/read-secrets.ts';
import { showReference } from '../config/secret.ts';
import { tlsOptions } from '../config/tls.ts';
import { DataHubError } from '../errors.ts';
import { once } from '../google/clients.ts';
import { fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';
import { destroyWhenUnresponsive, fromPostgres, isOfTls, isRefusedLogin } from './transaction.ts';

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
  /** Reads a secret again whose password is refused. */
  readSecret: SecretReader;
  /** The process's connector to Cloud SQL. */
  openConnector: () => Promise<Connector>;
};

type Done = (error: Error | undefined, client: pg.PoolClient | undefined, release: () => void) => void;

/**
 * A small pool of connections that names itself in pg_stat_activity and gives up on what does not answer. A password that is
 * refused is read again where it came from, and tried once more.
 */
export function createPool(database: DatabaseConfig, options: PoolOptions): pg.Pool {
  const {
    name,
    max,
    config,
    idleInTransactionSeconds = config.timeLimitSeconds,
    connectTimeoutSeconds = config.connectTimeoutSeconds,
  } = options;
  const login = new Login(database, options);
  const pool = new pg.Pool({
    Client: login.clientClass(),
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
  pool.on('connect', (client) => destroyWhenUnresponsive(client, silenceSeconds));

  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>;
  // `pool.query` asks with a callback.
  pool.connect = ((done?: Done) => {
    const connected = login.with(connect);
    if (done === undefined) return connected;
    return void connected.then(
      (client) => done(undefined, client, client.release),
      (error: Error) => done(error, undefined, () => undefined),
    );
  }) as pg.Pool['connect'];
  return pool;
}

const INT8_OID = 20;

/** 64-bit integers as bigint; everything else as pg reads it. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? (text: string) => BigInt(text)
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** How the connections of one pool are made: by a URL that can change, over a socket of its own kind. */
class Login {
  readonly #database: DatabaseConfig;
  readonly #readSecret: SecretReader;
  readonly #ready: () => Promise<void>;
  #url: string;
  #openSocket: () => Socket;
  /** The server said that it has no TLS. */
  #isWithoutTls = false;

  constructor(database: DatabaseConfig, options: PoolOptions) {
    this.#database = database;
    this.#readSecret = options.readSecret;
    this.#url = database.url.reveal();
    this.#openSocket = () => this.#plainSocket();
    this.#ready = once(async () => {
      const { side, cloudSql } = database;
      if (cloudSql !== null) this.#openSocket = await socketsTo(side, cloudSql, options);
    });
  }

  /** What the pool makes a connection of, by the URL of that moment. */
  clientClass(): new () => pg.ClientBase {
    const settings = () => ({
      connectionString: this.#url,
      stream: this.#openSocket,
      ssl: this.#database.cloudSql === null && tlsOptions(this.#database.tls, this.#database.tlsCa),
    });
    return class extends pg.Client {
      constructor(options?: pg.ClientConfig) {
        super({ ...options, ...settings() });
      }
    };
  }

  /** Connects; where the login is refused, by what its secret holds now. Errors come out classified where this pool knows more. */
  async with(connect: () => Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    await this.#ready();
    const used = this.#url;
    try {
      return await connect();
    } catch (error) {
      if (this.#isWithoutTls) throw withoutTls(this.#database, error);
      if (this.#database.cloudSql !== null && isOfTls(error)) return await this.#withNewCertificate(connect);
      if (!isRefusedLogin(error)) throw error;
      // Another connection may have read it meanwhile.
      if (this.#url === used) await this.#renew(error);
      return await connect();
    }
  }

  /**
   * The connector renews its certificate of an hour in the background, where an instance that rested has no time for it: it does so
   * when a connection fails, and the next one may succeed.
   */
  async #withNewCertificate(connect: () => Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    try {
      return await connect();
    } catch (error) {
      if (!isOfTls(error)) throw error;
      throw new DataHubError('transient', `${this.#database.side} database: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  async #renew(refusal: unknown): Promise<void> {
    const { reference, side } = this.#database;
    if (reference === null) throw refusal;
    const value = await this.#readSecret(reference);
    if (!canReplace(this.#database, value)) {
      const advice =
        'Add a version that differs in user, password or database; another host needs a new deployment.';
      throw unreadable('environment', reference, `holds no other URL of the ${side} database`, { advice });
    }
    if (value === this.#url) {
      const refused = fromPostgres(refusal, side);
      throw new DataHubError('unauthorized', refused.message, {
        context: refused.context,
        advice:
          reference.version === 'latest'
            ? `Add a version with the right password to the secret ${showReference(reference)}: it is read again when a password is refused.`
            : `${showReference(reference)} always holds the same password: name the version "latest" instead, and deploy again.`,
        cause: refusal,
      });
    }
    this.#url = value;
  }

  /** One that sees the server's answer to the request for TLS, for which pg has no code. */
  #plainSocket(): Socket {
    const socket = new Socket();
    this.#isWithoutTls = false;
    if (this.#database.tls !== 'disable') {
      socket.once('data', (answer) => {
        this.#isWithoutTls = answer.toString() === 'N';
      });
    }
    return socket;
  }
}

/** Sockets that Google's connector has encrypted. Throws `environment`, `unauthorized` or `transient`. */
async function socketsTo(
  side: Side,
  { instance, ipType }: CloudSql,
  { config, openConnector }: PoolOptions,
): Promise<() => Socket> {
  const connector = await openConnector();
  try {
    const options = { instanceConnectionName: instance, ipType: ipType as IpAddressTypes };
    return (await withRequestTimeout(config.callTimeoutSeconds, connector.getOptions(options))).stream;
  } catch (error) {
    const { kind, message } = fromGoogle(error, `${side} database: Cloud SQL instance ${instance}`);
    const isOurs =
      kind === 'configuration' || (error instanceof Error && error.name === 'CloudSQLConnectorError');
    throw new DataHubError(isOurs ? 'environment' : kind, message, {
      advice:
        kind === 'unauthorized'
          ? "Give the function's service account the role roles/cloudsql.client on the instance's project."
          : `Compare ${side.toUpperCase()}_CLOUD_SQL_INSTANCE and ${side.toUpperCase()}_CLOUD_SQL_IP_TYPE with the instance.`,
      cause: error,
    });
  }
}

function withoutTls({ side, tls }: DatabaseConfig, cause: unknown): DataHubError {
  const variable = `${side.toUpperCase()}_TLS`;
  return new DataHubError(
    'unauthorized',
    `${side} database: the server has no TLS, but ${variable} is ${tls}`,
    {
      advice: `Turn TLS on at the server (ssl = on); ${variable}=disable sends password and rows in the clear.`,
      cause,
    },
  );
}
