import { Socket } from 'node:net';
import pg from 'pg';
import { type CloudSql, canReplace, type DatabaseConfig, type Side } from '../config/database-config.ts';
import { type SecretReader, unreadable } from '../config/read-secrets.ts';
import { showReference } from '../config/secret.ts';
import { tlsOptions } from '../config/tls.ts';
import { DataHubError } from '../errors.ts';
import { once } from '../once.ts';
import { connectionError } from './connection-error.ts';
import { behindPooler } from './session.ts';
import { isRefusedLogin, isRefusedProtocol, isTlsError, isWrongPassword } from './sqlstate.ts';

export type LoginOptions = {
  /** Reads the secret again when the server refuses its password. */
  readSecret: SecretReader;
  /** Makes a factory of sockets to a Cloud SQL instance. */
  openCloudSqlSockets: (side: Side, cloudSql: CloudSql) => Promise<() => Socket>;
};

/** How the connections of one pool log in: by a URL that can change, over TCP, a Unix socket or the Cloud SQL connector. */
export class Login {
  readonly #database: DatabaseConfig;
  readonly #readSecret: SecretReader;
  readonly #ready: () => Promise<void>;
  #url: string;
  #openSocket: () => Socket;
  /** Whether the server answered that it has no TLS. */
  #isWithoutTls = false;

  constructor(database: DatabaseConfig, { readSecret, openCloudSqlSockets }: LoginOptions) {
    this.#database = database;
    this.#readSecret = readSecret;
    this.#url = database.url.reveal();
    this.#openSocket = () => this.#plainSocket();
    this.#ready = once(async () => {
      const { side, cloudSql } = database;
      if (cloudSql !== null) this.#openSocket = await openCloudSqlSockets(side, cloudSql);
    });
  }

  /** The class that the pool makes connections of; each one uses the URL of that moment. */
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

  /** Connects, and retries once with the secret's newest value when the server refuses the login. Throws classified errors only. */
  async connect(connect: () => Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    await this.#ready();
    const usedUrl = this.#url;
    try {
      return await connect();
    } catch (error) {
      if (this.#isWithoutTls) throw serverWithoutTls(this.#database, error);
      if (this.#database.cloudSql !== null && isTlsError(error)) return await this.#retryCertificate(connect);
      if (isRefusedProtocol(error)) throw behindPooler(this.#database.side, (error as Error).message, error);
      if (!isRefusedLogin(error)) throw connectionError(error, this.#database.side, usedUrl);
      // Another connection may have read the new value meanwhile.
      if (this.#url === usedUrl) await this.#readUrlAgain(error);
      return await connect().catch((again: unknown) => {
        throw connectionError(again, this.#database.side, this.#url);
      });
    }
  }

  /**
   * The connector renews its one-hour certificate in the background, but a suspended instance has no CPU to do so. A failed
   * connection makes it renew the certificate, so a second attempt may succeed.
   */
  async #retryCertificate(connect: () => Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    try {
      return await connect();
    } catch (error) {
      if (!isTlsError(error)) throw error;
      throw new DataHubError('transient', `${this.#database.side} database: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  async #readUrlAgain(refusal: unknown): Promise<void> {
    const { reference, side } = this.#database;
    const refused = connectionError(refusal, side, this.#url);
    if (reference === null) throw refused;
    const value = await this.#readSecret(reference);
    if (!canReplace(this.#database, value)) {
      const advice =
        'Add a version that differs in user, password or database only; another host needs a new deployment.';
      throw unreadable('environment', reference, `does not hold a usable URL of the ${side} database`, {
        advice,
      });
    }
    if (value === this.#url) {
      throw isWrongPassword(refusal)
        ? refused.withAdvice(
            reference.version === 'latest'
              ? `Add a version with the right password to the secret ${showReference(reference)}. It is read again when the server refuses the password.`
              : `${showReference(reference)} always holds the same password. Name the version "latest" instead, and deploy again.`,
          )
        : refused;
    }
    this.#url = value;
  }

  /** A socket that notices when the server refuses TLS; pg reports no code for that. */
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

function serverWithoutTls({ side, tls }: DatabaseConfig, cause: unknown): DataHubError {
  const variable = `${side.toUpperCase()}_TLS`;
  return new DataHubError(
    'unauthorized',
    `${side} database: the server has no TLS, but ${variable} is ${tls}`,
    {
      advice: `Turn TLS on at the server (ssl = on). ${variable}=disable sends password and rows unencrypted.`,
      cause,
    },
  );
}
