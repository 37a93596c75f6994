import pg from 'pg';
import type { Config } from '../config/config.ts';
import type { DatabaseConfig } from '../config/database-config.ts';
import { Login, type LoginOptions } from './login.ts';
import { assertOwnSession, type SessionSettings } from './session.ts';
import { destroyWhenUnresponsive } from './unresponsive.ts';

export type PoolOptions = LoginOptions & {
  /** What pg_stat_activity shows as the application's name. */
  name: string;
  /** Maximum number of connections. */
  max: number;
  config: Pick<Config, 'connectTimeoutSeconds' | 'statementTimeoutSeconds' | 'timeLimitSeconds'>;
  /**
   * How long a transaction may be idle, by default the function's time limit. A process that freezes in the middle of a transaction
   * must not keep its locks and its snapshot.
   */
  idleInTransactionSeconds?: number;
  /** How long to wait for a connection, by default as configured. */
  connectTimeoutSeconds?: number;
  /** Settings of the sessions; all others are those of the database and the role. */
  settings?: Readonly<Record<string, string>>;
};

/** A session keeps the settings of its database and role as they were when it began. */
const MAX_LIFETIME_SECONDS = 600;

type Done = (error: Error | undefined, client: pg.PoolClient | undefined, release: () => void) => void;

/**
 * A small pool of connections. Its connections name themselves in pg_stat_activity and give up on a server that does not answer.
 * When the server refuses the password, the pool reads the secret again and retries once. A connection pooler between is refused
 * (`assertOwnSession`).
 */
export function createPool(database: DatabaseConfig, options: PoolOptions): pg.Pool {
  const {
    name,
    max,
    config,
    idleInTransactionSeconds = config.timeLimitSeconds,
    connectTimeoutSeconds = config.connectTimeoutSeconds,
    settings = {},
  } = options;
  const session: SessionSettings = {
    statementTimeoutMs: config.statementTimeoutSeconds * 1000,
    idleInTransactionMs: idleInTransactionSeconds * 1000,
    settings,
  };
  const login = new Login(database, options);
  const pool = new pg.Pool({
    Client: login.clientClass(),
    application_name: name,
    max,
    connectionTimeoutMillis: connectTimeoutSeconds * 1000,
    statement_timeout: session.statementTimeoutMs,
    idle_in_transaction_session_timeout: session.idleInTransactionMs,
    verify: (client, done) => {
      assertOwnSession(client, database.side, session).then(() => done(), done);
    },
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    keepAlive: true,
    types,
  });
  // The pool replaces an idle connection that breaks; a query on a broken connection sees the error itself.
  pool.on('error', () => undefined);
  const silenceSeconds = config.statementTimeoutSeconds + config.connectTimeoutSeconds;
  pool.on('connect', (client) => {
    // The pool does not listen while `verify` runs, and without a listener a connection that breaks ends the process.
    client.on('error', () => undefined);
    destroyWhenUnresponsive(client, silenceSeconds);
  });

  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>;
  // `pool.query` calls connect with a callback.
  pool.connect = ((done?: Done) => {
    const connected = login.connect(connect);
    if (done === undefined) return connected;
    return void connected.then(
      (client) => done(undefined, client, client.release),
      (error: Error) => done(error, undefined, () => undefined),
    );
  }) as pg.Pool['connect'];
  return pool;
}

const INT8_OID = 20;

/** Reads 64-bit integers as bigint, and everything else as pg does. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? (text: string) => BigInt(text)
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};
