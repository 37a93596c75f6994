import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { completeSmartApp, createSmartApp, READER_ROLE } from '../smartapp/create-smartapp.ts';
import { onPreferredPort } from './preferred-port.ts';
import { logUnloggedChanges, rememberUnloggedChanges } from './unlogged-changes.ts';

/** The databases of a stack, in one server: SMartApp's, and the one that the functions remember things in. */
export interface Databases {
  server: Postgres;
  /** As the role that the pipeline reads SMartApp with. */
  sourceUrl: string;
  /** As the role that owns the control database and can do nothing else. */
  controlUrl: string;
  /** As the role of the application itself. */
  applicationUrl: string;
  passwords: { reader: string; application: string };
}

const PORT = 5433;
const SOURCE = 'smartapp';
const CONTROL = 'control';
const CONTROL_ROLE = 'datahub_control';
const APPLICATION_ROLE = 'smartapp';

/** What a throwaway server need not survive is a crash of the machine. */
const THROWAWAY_SETTINGS = { fsync: 'off', full_page_writes: 'off' };

/** Where a stack's server keeps its data. */
export const databaseFolder = (dataFolder: string): string => join(dataFolder, 'postgres');

/** Starts the server with an empty control database, or with what the data folder holds. Passwords are new each time. */
export async function startDatabases(options: {
  dataFolder: string;
  isThrowaway: boolean;
}): Promise<Databases> {
  const dataFolder = databaseFolder(options.dataFolder);
  const server = await onPreferredPort(options.isThrowaway ? 0 : PORT, (port) =>
    startPostgres({
      dataFolder,
      ...(port > 0 && { port }),
      ...(options.isThrowaway && { settings: THROWAWAY_SETTINGS }),
    }),
  );
  const [reader, application, control] = [password(), password(), password()];
  try {
    await server.createDatabase(CONTROL);
    await withClient(server.url(CONTROL), async (client) => {
      await makeRole(client, CONTROL_ROLE, control);
      await client.query(`alter database ${CONTROL} owner to ${CONTROL_ROLE}`);
      await client.query(`revoke connect on database ${CONTROL} from public`);
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    server,
    sourceUrl: server.url(SOURCE, READER_ROLE, reader),
    controlUrl: server.url(CONTROL, CONTROL_ROLE, control),
    applicationUrl: server.url(SOURCE, APPLICATION_ROLE, application),
    passwords: { reader, application },
  };
}

/**
 * Makes SMartApp's database with its sample data, unless it is there, and lets the application's and the reader's role in.
 * An abort ends it with an error; a database that is half made is not kept. In one that is kept, changes that a killed
 * workload did not get to log are logged.
 */
export async function makeSmartApp(
  { server, passwords }: Databases,
  options: {
    scale: number;
    seed: number;
    isThrowaway: boolean;
    say: (line: string) => void;
    signal: AbortSignal;
  },
): Promise<void> {
  const { scale, seed, isThrowaway, say, signal } = options;
  const url = server.url(SOURCE);
  const giveUp = () => void cancelStatements(server);
  signal.addEventListener('abort', giveUp);
  try {
    await server.createDatabase(SOURCE);
    const isThere = await withClient(url, async (client) => {
      const { rows } = await client.query(`select to_regclass('app_project') is not null as made`);
      return rows[0].made === true;
    });
    if (isThere) {
      say("SMartApp's database is kept from the last run (--scale and --seed are for a new one)");
      await withClient(url, completeSmartApp);
    } else {
      await createSmartApp(url, {
        scale,
        seed,
        onProgress: ({ name, rows }) => {
          signal.throwIfAborted();
          say(`SMartApp: ${rows.toLocaleString('en-US')} rows of ${name}`);
        },
      });
    }
    await withClient(url, async (client) => {
      await makeRole(client, READER_ROLE, passwords.reader);
      await makeRole(client, APPLICATION_ROLE, passwords.application);
      await client.query(`
        revoke connect on database ${SOURCE} from public;
        grant connect on database ${SOURCE} to ${READER_ROLE}, ${APPLICATION_ROLE};
        grant all on all tables in schema public to ${APPLICATION_ROLE};
        grant all on all sequences in schema public to ${APPLICATION_ROLE}`);
      if (isThrowaway) return;
      await rememberUnloggedChanges(client);
      const unlogged = await logUnloggedChanges(client);
      if (unlogged > 0) say(`SMartApp was killed between changes and their log rows: ${unlogged} logged now`);
    });
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Ends what is running in SMartApp's database, so that a long step need not be waited for. Never rejects. */
async function cancelStatements(server: Postgres): Promise<void> {
  await withClient(server.url(), (client) =>
    client.query('select pg_cancel_backend(pid) from pg_stat_activity where datname = $1', [SOURCE]),
  ).catch(() => undefined);
}

const password = (): string => randomBytes(12).toString('hex');

/** Gives the role that password; makes it when it does not exist. */
async function makeRole(client: pg.Client, name: string, rolePassword: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name]);
  if (rowCount === 0) await client.query(`create role ${name} login`);
  await client.query(`alter role ${name} password ${client.escapeLiteral(rolePassword)}`);
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
