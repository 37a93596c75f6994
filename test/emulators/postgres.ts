import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { clusterArgument, type DataFolder, openDataFolder, temporaryFolder } from './postgres/data-folder.ts';

export interface PostgresOptions {
  /** Kept on stop and reused when it exists, recovering from whatever a killed run left; default: a temporary folder. */
  dataFolder?: string;
  /** Default: any free port. */
  port?: number;
  /** Server settings, which override the ones below. */
  settings?: Record<string, string>;
  /** PEM texts; the server then takes connections with TLS and without. */
  tls?: { certificate: string; key: string };
}

/** A running PostgreSQL server of our own, which listens on 127.0.0.1 only. */
export interface Postgres {
  port: number;
  pid: number;
  /** Connection string, by default of the superuser to database `postgres`. */
  url(database?: string, user?: string, password?: string): string;
  /** Creates a database; one that exists is left as it is. */
  createDatabase(name: string): Promise<void>;
  /** Ends every connection and stops the server; a temporary folder is removed. May be called again. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_MS = 20;
const RELAUNCH_INTERVAL_MS = 200;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  max_wal_size: '2GB',
  jit: 'off',
  // Containers often have too little /dev/shm for the default.
  dynamic_shared_memory_type: process.platform === 'win32' ? 'windows' : 'mmap',
  timezone: 'UTC',
};

/** A temporary folder need not survive the machine, only the server: a killed server's commits are still there. */
const SETTINGS_OF_TEMPORARY_FOLDER = { fsync: 'off', full_page_writes: 'off' };

/**
 * Starts PostgreSQL from the npm packages and resolves when it answers, after 1 to 2 seconds. It runs as the current
 * user, or under root as a user without rights. Ctrl-C does not reach it: whoever started it stops it, and when that
 * process exits without doing so the server goes down with it.
 *
 * Throws an error that says what is wrong when the port is taken or the folder cannot be used.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  if (options.port !== undefined) await claim(options.port);
  const isTemporary = options.dataFolder === undefined;
  const path = resolve(options.dataFolder ?? (await temporaryFolder()));
  const removeIfTemporary = async () => {
    if (isTemporary) await rm(path, { recursive: true, force: true });
  };
  try {
    const folder = await openDataFolder(path);
    const port = options.port ?? (await claim(0));
    const settings = {
      ...SETTINGS,
      ...(isTemporary && SETTINGS_OF_TEMPORARY_FOLDER),
      ...(options.tls && (await tlsSettings(folder, options.tls))),
      ...options.settings,
    };
    const url = connectionString(port, folder.superuserPassword);
    const server = await launchUntilItAnswers(folder, { port, url: url(), settings });
    return {
      port,
      pid: server.pid,
      url,
      createDatabase: (name) => createDatabase(url(), name),
      stop: async () => {
        await server.stop();
        await removeIfTemporary();
      },
    };
  } catch (error) {
    await removeIfTemporary();
    throw error;
  }
}

/** PostgreSQL takes a key only from a file that nobody but its own account can read. */
async function tlsSettings(
  { cluster, account }: DataFolder,
  tls: NonNullable<PostgresOptions['tls']>,
): Promise<Record<string, string>> {
  const files = { 'server.crt': tls.certificate, 'server.key': tls.key };
  for (const [name, content] of Object.entries(files)) {
    const file = join(cluster, name);
    await writeFile(file, content, { mode: 0o600 });
    if (account !== undefined) await chown(file, account.uid, account.gid);
  }
  // Relative to the cluster: its account may not be able to reach it from above.
  return { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' };
}

interface Server {
  pid: number;
  hasExited(): boolean;
  stop(): Promise<void>;
}

/** Launches it again while processes of a killed server have not noticed yet that they are orphans. */
async function launchUntilItAnswers(
  folder: DataFolder,
  { port, url, settings }: { port: number; url: string; settings: Record<string, string> },
): Promise<Server> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const server = await launch(folder, port, settings);
    if (await hasAnswered(server, url, deadline)) return server;
    await server.stop();
    const log = (await readFile(folder.log, 'utf8')).trim();
    // PostgreSQL says so in its log only.
    if (!log.includes('pre-existing shared memory block') || Date.now() > deadline) {
      throw new Error(
        `PostgreSQL does not start in ${folder.path}:\n${log.split('\n').slice(-5).join('\n')}`,
      );
    }
    await delay(RELAUNCH_INTERVAL_MS);
  }
}

async function launch(folder: DataFolder, port: number, settings: Record<string, string>): Promise<Server> {
  const log = await open(folder.log, 'w');
  try {
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(
      folder.binaries.postgres,
      ['-D', clusterArgument(folder), '-p', String(port), ...flags],
      {
        ...folder.account,
        cwd: folder.cluster,
        stdio: ['ignore', log.fd, log.fd],
        // A process group of its own, which a terminal's Ctrl-C does not reach.
        detached: process.platform !== 'win32',
        windowsHide: true,
      },
    );
    await once(child, 'spawn');
    return serverOf(child);
  } finally {
    await log.close();
  }
}

function serverOf(child: ChildProcess): Server {
  const { pid } = child;
  if (pid === undefined) throw new Error('the server has no process id');
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const stopAtOnce = () => child.kill('SIGQUIT');
  process.once('exit', stopAtOnce);
  child.once('exit', () => process.off('exit', stopAtOnce));
  return {
    pid,
    hasExited,
    stop: async () => {
      if (hasExited()) return;
      const impatience = setTimeout(stopAtOnce, STOP_TIMEOUT_MS);
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
      clearTimeout(impatience);
    },
  };
}

/** Whether it takes connections before it exits or the time is up; crash recovery may come first. */
async function hasAnswered(server: Server, url: string, deadline: number): Promise<boolean> {
  while (!server.hasExited() && Date.now() < deadline) {
    const isReady = await withClient(url, (client) => client.query('select 1')).then(
      () => true,
      () => false,
    );
    if (isReady) return true;
    await delay(POLL_INTERVAL_MS);
  }
  return false;
}

async function createDatabase(url: string, name: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  });
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

function connectionString(port: number, superuserPassword: string): Postgres['url'] {
  return (database = 'postgres', user = 'postgres', password = superuserPassword) =>
    `postgresql://${[user, password].map(encodeURIComponent).join(':')}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

/** Checks that a port is free (0: chooses one) and returns it. */
async function claim(port: number): Promise<number> {
  const probe = createServer();
  try {
    probe.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(probe, 'listening');
    const address = probe.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  } catch (cause) {
    throw new Error(`port ${port} cannot be listened on: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  } finally {
    if (probe.listening) await new Promise((closed) => probe.close(closed));
  }
}
