import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { completeSmartApp, createSmartApp, READER_ROLE, SEED_STEPS } from '../smartapp/create-smartapp.ts';
import { onPreferredPort } from './preferred-port.ts';
import type { BeginStep } from './progress.ts';
import { logUnloggedChanges, recordUnloggedChanges } from './unlogged-changes.ts';
import { withClient } from './with-client.ts';

/** The databases of a stack, in one PostgreSQL server: SMartApp's database and the control database. */
export interface Databases {
  server: Postgres;
  /** SMartApp's database, as the role that the pipeline reads it with. */
  sourceUrl: string;
  /** The control database, as the role that owns it and can do nothing else. */
  controlUrl: string;
  /** SMartApp's database, as the application's own role, which may also create views for the pipeline to read. */
  applicationUrl: string;
  passwords: { reader: string; application: string };
}

const PORT = 5433;
const SOURCE = 'smartapp';
const CONTROL = 'control';
const CONTROL_ROLE = 'datahub_control';
const APPLICATION_ROLE = 'smartapp';

/** A throwaway server need not survive a crash of the machine. */
const THROWAWAY_SETTINGS = { fsync: 'off', full_page_writes: 'off' };

/** Where the stack's server keeps its data. */
export const databaseFolder = (dataFolder: string): string => join(dataFolder, 'postgres');

/** Starts the server with what the data folder contains; a new server gets an empty control database. */
export async function startDatabases(options: {
  dataFolder: string;
  isThrowaway: boolean;
  /** Default: the documented one. */
  port: number | undefined;
}): Promise<Databases> {
  const dataFolder = databaseFolder(options.dataFolder);
  const server = await onPreferredPort(options.isThrowaway ? 0 : (options.port ?? PORT), (port) =>
    startPostgres({
      dataFolder,
      ...(port > 0 && { port }),
      ...(options.isThrowaway && { settings: THROWAWAY_SETTINGS }),
    }),
  );
  const passwordOf = passwordsOf(server);
  const [reader, application, control] = [READER_ROLE, APPLICATION_ROLE, CONTROL_ROLE].map(passwordOf) as [
    string,
    string,
    string,
  ];
  try {
    await server.createDatabase(CONTROL);
    await withClient(server.url(CONTROL), async (client) => {
      await ensureRole(client, CONTROL_ROLE, control);
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
 * Creates SMartApp's database with its sample data if it does not exist, and gives the application's role and the reader role
 * access. Throws when `signal` aborts, and leaves no half-made database. In an existing database, it first writes the log rows
 * that a killed workload did not get to write.
 */
export async function prepareSmartApp(
  { server, passwords }: Databases,
  options: {
    scale: number;
    seed: number;
    isThrowaway: boolean;
    say: (line: string) => void;
    step: BeginStep;
    signal: AbortSignal;
  },
): Promise<void> {
  const { scale, seed, isThrowaway, say, step, signal } = options;
  const url = server.url(SOURCE);
  const onAbort = () => void cancelStatements(server);
  signal.addEventListener('abort', onAbort);
  try {
    await server.createDatabase(SOURCE);
    const exists = await withClient(url, async (client) => {
      const { rows } = await client.query(`select to_regclass('app_project') is not null as exists`);
      return rows[0].exists === true;
    });
    if (exists) {
      say("SMartApp's database exists from an earlier run; --scale and --seed do not change its data");
      await withClient(url, completeSmartApp);
    } else {
      const progress = step('Sample data');
      let done = 0;
      try {
        await createSmartApp(url, {
          scale,
          seed,
          onProgress: ({ name, rows }) => {
            signal.throwIfAborted();
            say(`Sample data: ${rows.toLocaleString('en-US')} rows of ${name}`);
            done += 1;
            progress.update({
              done,
              total: SEED_STEPS.length,
              unit: 'tables',
              isUneven: true,
              detail: `${name} done`,
            });
          },
        });
      } finally {
        progress.end();
      }
    }
    await withClient(url, async (client) => {
      await ensureRole(client, READER_ROLE, passwords.reader);
      await ensureRole(client, APPLICATION_ROLE, passwords.application);
      await client.query(`
        revoke connect on database ${SOURCE} from public;
        grant connect on database ${SOURCE} to ${READER_ROLE}, ${APPLICATION_ROLE};
        grant all on all tables in schema public to ${APPLICATION_ROLE};
        grant all on all sequences in schema public to ${APPLICATION_ROLE};
        grant create on schema public to ${APPLICATION_ROLE};
        alter default privileges for role ${APPLICATION_ROLE} in schema public grant select on tables to ${READER_ROLE}`);
      if (isThrowaway) return;
      await recordUnloggedChanges(client);
      const unlogged = await logUnloggedChanges(client);
      if (unlogged > 0)
        say(`SMartApp was killed before it had logged all its changes; ${unlogged} log rows written now`);
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Cancels the statements that are running in SMartApp's database, so that a stop need not wait for them. Never rejects. */
async function cancelStatements(server: Postgres): Promise<void> {
  await withClient(server.url(), (client) =>
    client.query('select pg_cancel_backend(pid) from pg_stat_activity where datname = $1', [SOURCE]),
  ).catch(() => undefined);
}

/** The passwords of the roles stay the same from one start to the next, as the random one of the superuser does, from which they are made. */
function passwordsOf(server: Postgres): (role: string) => string {
  const { password } = new URL(server.url());
  return (role) => createHmac('sha256', password).update(role).digest('hex').slice(0, 24);
}

/** Creates the role if it does not exist, and sets its password. */
async function ensureRole(client: pg.Client, name: string, rolePassword: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name]);
  if (rowCount === 0) await client.query(`create role ${name} login`);
  await client.query(`alter role ${name} password ${client.escapeLiteral(rolePassword)}`);
}
