import type { Socket } from 'node:net';
import type pg from 'pg';
import { DataHubError, type ErrorKind, isNetworkError, isProgrammingError } from '../errors.ts';

export type Queryable = Pick<pg.ClientBase, 'query'>;

/** The one quoting function for PostgreSQL identifiers. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as a literal, for COPY, which takes no parameters. Standard conforming strings are on in every session. */
export function quoteLiteral(text: string): string {
  return text.includes('\\') ? `E'${escaped(text).replaceAll('\\', '\\\\')}'` : `'${escaped(text)}'`;
}

const escaped = (text: string): string => text.replaceAll("'", "''");

// SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html
const BY_STATE: Record<string, ErrorKind> = {
  '25006': 'configuration', // read-only transaction: a standby, or a read-only role
  '25P03': 'transient', // idle in transaction
  '25P04': 'transient', // transaction timeout
  '28000': 'unauthorized',
  '28P01': 'unauthorized',
  '3D000': 'configuration', // no such database
  '40001': 'transient',
  '40P01': 'transient',
  '42501': 'unauthorized',
  '42703': 'configuration',
  '42883': 'configuration',
  '42P01': 'configuration',
  '55P03': 'transient', // lock not available
  '57014': 'transient', // statement timeout
  '57P01': 'transient',
  '57P02': 'transient',
  '57P03': 'transient',
  '57P05': 'transient',
  '72000': 'transient', // snapshot too old
};
const BY_CLASS: Record<string, ErrorKind> = {
  '08': 'transient',
  '22': 'bad_data',
  '53': 'transient', // out of connections, memory or disk
  '54': 'bad_data', // larger, deeper or more than PostgreSQL computes with
  '58': 'transient',
};

/** Whether the server did not let a role in: its password, or that it may log in there at all. */
export function isRefusedLogin(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === '28P01' || code === '28000';
}

/** Whatever pg threw, classified by its SQLSTATE; `database` names the side in the message ("source", "control"). */
export function fromPostgres(error: unknown, database: 'source' | 'control'): DataHubError {
  if (error instanceof DataHubError) return error;
  if (isProgrammingError(error) || !(error instanceof Error)) {
    return new DataHubError('bug', `${database} database: ${String(error)}`, { cause: error });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const kind = isNetworkError(error) ? 'transient' : kindOf(code);
  return new DataHubError(kind, `${database} database: ${messageOf(error)}`, {
    cause: error,
    ...(code === undefined ? {} : { context: { code } }),
    ...(isOfTls(error) && { advice: tlsAdvice(database) }),
  });
}

function kindOf(code: string | undefined): ErrorKind {
  // pg throws plain errors without a code when a connection times out or ends under a query.
  if (code === undefined) return 'transient';
  // Of Node's TLS.
  if (code.length !== 5) return 'unauthorized';
  return BY_STATE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 'bug';
}

/** Whether it is about a certificate or a handshake, by a code of Node's: all SQLSTATEs have five characters. */
export function isOfTls(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.length !== 5 && !isNetworkError(error);
}

function tlsAdvice(database: 'source' | 'control'): string {
  const variable = `${database.toUpperCase()}_TLS`;
  return `Compare the server's certificate with ${variable}_CA (who signed it) and with the host's name; ${variable} says what is checked.`;
}

/** A failed connection to several addresses is an AggregateError, whose own message is empty. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message;
  if (error instanceof AggregateError) return error.errors.map((each) => messageOf(each as Error)).join('; ');
  return error.name;
}

/**
 * Runs `work` in one transaction on a connection of its own: `begin` is the statement that opens it. Commits when `work`
 * returns, rolls back when it throws. Every error comes out classified.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  database: 'source' | 'control',
  begin: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw fromPostgres(error, database);
  });
  // Without a listener, a connection that breaks between two queries would end the process. The next query does not tell why.
  let lost: Error | undefined;
  const lose = (error: Error) => {
    lost ??= error;
  };
  client.on('error', lose);
  let broken = false;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection whose rollback fails is not given back to the pool.
    await client.query('rollback').catch(() => {
      broken = true;
    });
    throw fromPostgres(isOfLostConnection(error) ? (lost ?? error) : error, database);
  } finally {
    client.off('error', lose);
    client.release(broken);
  }
}

/** What pg throws for a query on a connection that broke before. */
function isOfLostConnection(error: unknown): boolean {
  return error instanceof Error && error.message.endsWith('is not queryable');
}

/** Runs one query in a read-only transaction of its own. Every error comes out classified. */
export function readOnly(
  pool: pg.Pool,
  database: 'source' | 'control',
  sql: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  return inTransaction(pool, database, 'begin read only', (client) => client.query(sql, values));
}

/** Ends a connection at once, whatever it is asked; to close it in order would be to wait for the answer. */
export function destroyConnection(client: pg.ClientBase): void {
  socketOf(client).destroy();
}

function socketOf(client: pg.ClientBase): Socket {
  return (client as pg.ClientBase & { connection: pg.Connection }).connection.stream as Socket;
}

/**
 * Breaks a connection whose server has not sent a byte of its answer for so long: whoever waits for it sees the error. A server
 * that is alive answers within its own statement time-out; one that is cut off would be waited for without end. Waiting between
 * two queries is no silence.
 */
export function destroyWhenUnresponsive(client: pg.ClientBase, seconds: number): void {
  const { connection } = client as pg.ClientBase & { connection: pg.Connection };
  const socket = socketOf(client);
  let sentWhenReady = socket.bytesWritten;
  connection.on('readyForQuery', () => {
    sentWhenReady = socket.bytesWritten;
  });
  socket.setTimeout(seconds * 1000, () => {
    if (socket.bytesWritten > sentWhenReady) socket.destroy(new Error(`no answer within ${seconds} seconds`));
  });
}
