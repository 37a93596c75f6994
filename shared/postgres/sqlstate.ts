import {
  ADVICE,
  DataHubError,
  type ErrorKind,
  isNetworkError,
  isProgrammingError,
  RETRIED,
} from '../errors.ts';
import { withoutValues } from './without-values.ts';

// SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html
/** PostgreSQL canceled a statement, for example at its time-out. */
export const QUERY_CANCELED = '57014';

const BY_STATE: ReadonlyMap<string, ErrorKind> = new Map(
  Object.entries<ErrorKind>({
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
    '55000': 'configuration', // an object that is not ready: a materialized view without data
    '55P03': 'transient', // lock not available
    [QUERY_CANCELED]: 'transient',
    '57P01': 'transient',
    '57P02': 'transient',
    '57P03': 'transient',
    '57P05': 'transient',
    '72000': 'transient', // snapshot too old
    HV00N: 'transient', // the server of a foreign table cannot be reached
  }),
);
const BY_CLASS: ReadonlyMap<string, ErrorKind> = new Map(
  Object.entries<ErrorKind>({
    '08': 'transient',
    '21': 'bad_data', // a subquery returned more than one row
    '22': 'bad_data',
    '53': 'transient', // out of connections, memory or disk
    '54': 'bad_data', // program limit exceeded: a value is too large or too complex for PostgreSQL
    '58': 'transient',
    HV: 'configuration', // a foreign table
    P0: 'bad_data', // a function of PL/pgSQL raised an error
  }),
);

/** What helps against causes that share an error kind with others. Every sentence about the source ends where the view can go on. */
const RAISED_ADVICE =
  'A function that the view calls raised the error; the log of the database server has its message. Correct the row or the function, then redrive the view.';
const ADVICE_BY_STATE: ReadonlyMap<string, string> = new Map([
  [
    '21000',
    'A subquery of the view found more than one row where the view needs one. Correct these rows or the view, then redrive the view.',
  ],
  ...['P0001', 'P0002', 'P0003', 'P0004'].map((state): [string, string] => [state, RAISED_ADVICE]),
  [
    '25006',
    'This server or this database only reads. Name the primary server in the database URL, or let the database be written: alter database … reset default_transaction_read_only, and the same for the role. Then resume the view.',
  ],
  [
    '3D000',
    'Correct the name of the database in the database URL. The functions retry by themselves; resume a view that was halted.',
  ],
  [
    '42501',
    `Grant the role what the message names; sql/source/reader-role.sql has the grants of the source. ${RETRIED}`,
  ],
  [
    '42703',
    'A column of the message is gone or has another name: give the view its column back, or correct the view source by an import. Then redrive the view.',
  ],
  [
    '42883',
    'The view calls a function that is gone or has other arguments: create it again or replace the view. Then redrive the view.',
  ],
  [
    '53100',
    `${ADVICE.transient} If it lasts: the disk of the database server is full; delete what fills it (pg_wal, temporary files, old log rows), or enlarge it.`,
  ],
  [
    '53200',
    `${ADVICE.transient} If it lasts: the database server has too little memory; give it more, or lower its work_mem.`,
  ],
  [
    '55000',
    'A relation behind the view is not ready to be read, such as a materialized view without data: make it ready (refresh materialized view). Then redrive the view.',
  ],
  [
    QUERY_CANCELED,
    `${ADVICE.transient} If it lasts: a statement takes longer than STATEMENT_TIMEOUT_SECONDS, or somebody cancels it; look for a lock, a missing index or a busy server.`,
  ],
  [
    '55P03',
    `${ADVICE.transient} If it lasts: end the transaction that holds the lock (select pid, pg_blocking_pids(pid) from pg_stat_activity shows it).`,
  ],
  [
    'HV00N',
    `${ADVICE.transient} If it lasts: the server of a foreign table behind the view cannot be reached; start it, or correct its address (alter server … options).`,
  ],
  [
    '42P01',
    'The view or the table of the message is gone, or in a schema that is not in the search_path of the role: create it again or correct the view source. Then redrive the view.',
  ],
]);

const ADVICE_BY_CLASS: ReadonlyMap<string, string> = new Map([
  [
    'HV',
    'A foreign table behind the view cannot be read: mend its server, its user mapping or its columns. Then redrive the view.',
  ],
]);

/**
 * The function of PostgreSQL that refuses a query because a policy would hide rows from it (`row_security` is off). Its SQLSTATE is that of a
 * missing right, and its message is in the language of the server.
 */
const REFUSES_HIDDEN_ROWS = 'check_enable_rls';

const HIDDEN_ROWS_ADVICE =
  'Row-level security would hide rows of the table in the message, and no grant helps. As a superuser of the source: alter role … bypassrls; for the role of SOURCE_DATABASE_URL, and for the owner of a view that reads the table, unless it owns the table. The functions retry by themselves.';

function adviceFor(error: Error, code: string | undefined): string | undefined {
  const isHidden = 'routine' in error && error.routine === REFUSES_HIDDEN_ROWS;
  if (isHidden) return HIDDEN_ROWS_ADVICE;
  return ADVICE_BY_STATE.get(code ?? '') ?? ADVICE_BY_CLASS.get(code?.length === 5 ? code.slice(0, 2) : '');
}

export const isWrongPassword = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === '28P01';

/** Whether the server refused a login: a wrong password, or a role that may not log in. */
export function isRefusedLogin(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === '28P01' || code === '28000';
}

/**
 * Of an error of `set transaction snapshot`: whether the transaction that exported the snapshot has ended. The codes are those since PostgreSQL 17,
 * until 16, and of a transaction that is just ending.
 */
export function isEndedSnapshot(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === '42704' || code === '22023' || code === '55000';
}

/** PgBouncer's answer to start-up parameters that it does not know. A server never finds fault with ours. */
export function isRefusedProtocol(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '08P01';
}

/** Classifies an error of pg by its SQLSTATE. `database` names the side in the message ("source", "control"). */
export function fromPostgres(error: unknown, database: 'source' | 'control'): DataHubError {
  if (error instanceof DataHubError) return error;
  if (isProgrammingError(error) || !(error instanceof Error)) {
    return new DataHubError('bug', `${database} database: ${String(error)}`, { cause: error });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const kind = isNetworkError(error) ? 'transient' : kindOf(code);
  const message = isState(code) ? withoutValues(messageOf(error), { ...error, code }) : messageOf(error);
  const advice = adviceFor(error, code);
  return new DataHubError(kind, `${database} database: ${message}`, {
    cause: error,
    ...(code === undefined ? {} : { context: { code } }),
    ...(advice !== undefined && { advice }),
    ...(isTlsError(error) && { advice: tlsAdvice(database) }),
  });
}

/** Every SQLSTATE has five characters. Node and its TLS have longer codes, and EPIPE. */
const isState = (code: string | undefined): code is string => code?.length === 5 && code !== 'EPIPE';

function kindOf(code: string | undefined): ErrorKind {
  // pg throws plain errors without a code when a connection times out or ends under a query.
  if (code === undefined) return 'transient';
  // A code of Node's TLS.
  if (code.length !== 5) return 'unauthorized';
  return BY_STATE.get(code) ?? BY_CLASS.get(code.slice(0, 2)) ?? 'bug';
}

/** Whether an error is about a certificate or a TLS handshake, by its Node code. */
export function isTlsError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.length !== 5 && !isNetworkError(error);
}

function tlsAdvice(database: 'source' | 'control'): string {
  const variable = `${database.toUpperCase()}_TLS`;
  return `Compare the server's certificate with ${variable}_CA (its signer) and with the host name. ${variable} says what is checked.`;
}

/** A failed connection to several addresses is an AggregateError, and its own message is empty. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message;
  if (error instanceof AggregateError) return error.errors.map((each) => messageOf(each as Error)).join('; ');
  return error.name;
}
