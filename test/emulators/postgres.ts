import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { clusterArgument, type DataFolder, openDataFolder, temporaryFolder } from './postgres/data-folder.ts';

export interface PostgresOptions {
  /** Kept for the next start, which recovers what a killed run left. Default: a temporary folder. */
  dataFolder?: string;
  /** Default: a free port. */
  port?: number;
  /** Server settings; they override the ones below. */
  settings?: Record<string, string>;
  /** A file in whose folder another version of PostgreSQL is installed. Default: the version of the emulators. */
  packagesOf?: string;
  /** PEM texts. With them, the server accepts TLS connections in addition to plain ones. */
  tls?: { certificate: string; key: string };
}

/** A running PostgreSQL server, which listens on 127.0.0.1 only. */
export interface Postgres {
  port: number;
  pid: number;
  /** A connection string; default: the superuser and the database `postgres`. */
  url(database?: string, user?: string, password?: string): string;
  /** Creates a database, unless it exists. */
  createDatabase(name: string): Promise<void>;
  /** Rejects if the server ends before `stop` is called. */
  failed: Promise<never>;
  /** Ends all connections, stops the server, and removes a temporary folder. Safe to repeat. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
/** Something else that has taken the port meanwhile may never answer. */
const FIRST_ANSWER_TIMEOUT_MS = 5_000;
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

/** A temporary folder must survive a kill of the server, not a crash of the machine. */
const SETTINGS_OF_TEMPORARY_FOLDER = { fsync: 'off', full_page_writes: 'off' };

/**
 * Starts PostgreSQL from the npm packages and resolves when it answers, after 1 to 2 seconds. It runs as the current user, or for root as
 * a user without rights. Ctrl-C does not reach it: the caller stops it, and if the process of the caller exits, the server stops too.
 *
 * @throws Error saying what is wrong, if the port is taken or the folder cannot be used.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  if (options.port !== undefined) await claim(options.port);
  const isTemporary = options.dataFolder === undefined;
  const path = resolve(options.dataFolder ?? (await temporaryFolder()));
  const removeIfTemporary = async () => {
    if (isTemporary) await rm(path, { recursive: true, force: true });
  };
  try {
    const folder = await openDataFolder(path, options.packagesOf);
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
      failed: server.failed,
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

/** PostgreSQL accepts a key only from a file that no other account can read. */
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
  // Relative to the cluster, since the account of the server may be unable to reach it by the absolute path.
  return { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' };
}

interface Server {
  pid: number;
  hasExited(): boolean;
  failed: Promise<never>;
  stop(): Promise<void>;
}

/** Launches the server again while orphaned processes of a killed server still hold its shared memory. */
async function launchUntilItAnswers(
  folder: DataFolder,
  { port, url, settings }: { port: number; url: string; settings: Record<string, string> },
): Promise<Server> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const server = await launch(folder, port, settings);
    if (await hasAnswered(server, url, deadline)) return server;
    await server.stop();
    const log = await lastLines(folder);
    // PostgreSQL reports this in its log only.
    if (!log.includes('pre-existing shared memory block') || Date.now() > deadline) {
      throw new Error(`PostgreSQL does not start in ${folder.path}:\n${log}`);
    }
    await delay(RELAUNCH_INTERVAL_MS);
  }
}

async function lastLines({ log }: DataFolder): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => 'its log is gone');
  return text.trim().split('\n').slice(-5).join('\n');
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
        // In a process group of its own, which the Ctrl-C of a terminal does not reach.
        detached: process.platform !== 'win32',
        windowsHide: true,
      },
    );
    await once(child, 'spawn');
    return serverOf(child, folder);
  } finally {
    await log.close();
  }
}

function serverOf(child: ChildProcess, folder: DataFolder): Server {
  const { pid } = child;
  if (pid === undefined) throw new Error('the server has no process id');
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const stopAtOnce = () => child.kill('SIGQUIT');
  process.once('exit', stopAtOnce);
  let isStopping = false;
  const failed = once(child, 'exit').then(async (): Promise<never> => {
    process.off('exit', stopAtOnce);
    if (isStopping) return new Promise(() => undefined);
    throw new Error(`PostgreSQL has ended by itself in ${folder.path}:\n${await lastLines(folder)}`);
  });
  // The caller may await it later, or never.
  failed.catch(() => undefined);
  return {
    pid,
    hasExited,
    failed,
    stop: async () => {
      isStopping = true;
      if (hasExited()) return;
      const timeout = setTimeout(stopAtOnce, STOP_TIMEOUT_MS);
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
      clearTimeout(timeout);
    },
  };
}

/** Waits until the server accepts connections, exits or runs out of time. A crash recovery may come first. */
async function hasAnswered(server: Server, url: string, deadline: number): Promise<boolean> {
  while (!server.hasExited() && Date.now() < deadline) {
    const isReady = await withClient(url, (client) => client.query('select 1'), FIRST_ANSWER_TIMEOUT_MS).then(
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

async function withClient(
  connectionString: string,
  use: (client: pg.Client) => Promise<unknown>,
  connectionTimeoutMillis = START_TIMEOUT_MS,
): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis });
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

/** Checks that a port is free and returns it; 0 stands for a free port. */
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
