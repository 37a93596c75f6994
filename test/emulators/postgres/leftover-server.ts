import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { identityOf, isAlive } from '../process-identity.ts';
import type { DataFolder } from './data-folder.ts';

/** Something else that listens at the port by now may never answer. */
const CONNECT_TIMEOUT_MS = 20_000;
const POLL_INTERVAL_MS = 20;

/**
 * Stops a server that still runs on the folder although its starter was killed. Removes the lock if its process id belongs to another
 * process by now. @throws Error if the starter is alive: the folder is in use.
 */
export async function stopLeftoverServer(
  folder: Pick<DataFolder, 'path' | 'cluster' | 'starter' | 'superuserPassword'>,
): Promise<void> {
  const lock = join(folder.cluster, 'postmaster.pid');
  // Its lines are the process id, the data directory, the start time and the port.
  const [pid = '', , , port = ''] = (await read(lock)).split('\n');
  const server = Number(pid);
  // PostgreSQL itself takes a zombie for a running process.
  if (identityOf(server) === undefined) return rm(lock, { force: true });
  if (!(await answersFor(folder, Number(port)))) return rm(lock);

  const starter = await read(folder.starter);
  if (isAlive(starter)) {
    const pid = Number.parseInt(starter, 10);
    throw new Error(
      `${folder.path} is in use by process ${pid} (PostgreSQL is process ${server}): stop that one first`,
    );
  }
  process.kill(server, 'SIGINT');
  while (identityOf(server) !== undefined && (await read(lock)) !== '') await delay(POLL_INTERVAL_MS);
}

/** Is the server on this port the server of the folder? Only that one accepts its random password. */
async function answersFor(
  { superuserPassword }: Pick<DataFolder, 'superuserPassword'>,
  port: number,
): Promise<boolean> {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, user: 'postgres', password: superuserPassword },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    const isStartingOrStopping = error instanceof Error && 'code' in error && error.code === '57P03';
    return isStartingOrStopping;
  } finally {
    await client.end();
  }
}

function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
