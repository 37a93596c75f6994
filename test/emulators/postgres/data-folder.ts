import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OWN_IDENTITY } from '../process-identity.ts';
import { type Account, serverAccount } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { stopLeftoverServer } from './leftover-server.ts';

const run = promisify(execFile);

/** A folder with an initialised cluster and without a running server. */
export interface DataFolder {
  path: string;
  /** PostgreSQL's own data directory inside it. */
  cluster: string;
  /** The log of the server since its last start. */
  log: string;
  /** Contains the identity of the Node.js process that last started a server on the folder. */
  starter: string;
  superuserPassword: string;
  account: Account | undefined;
  binaries: Binaries;
}

/** Marks a folder as made by the emulator, and contains the password of the superuser. The first file to be written. */
const MARKER = 'smart-datahub.json';
/** Renamed when it is complete, so that a killed run leaves no half-written marker. */
const UNFINISHED_MARKER = `${MARKER}.new`;

/**
 * Makes `path` a folder with an initialised cluster, or reuses the cluster, in whatever state a killed run left it. Stops a server whose
 * starter was killed. `packagesOf` is a file whose packages contain the programs; default: this one's. @throws Error if the folder cannot be written, contains other files, belongs to another version of PostgreSQL, or
 * is in use.
 */
export async function openDataFolder(path: string, packagesOf?: string): Promise<DataFolder> {
  const superuserPassword = await markFolder(path);
  const files = filesIn(path);
  const account = await serverAccount(files.cluster);
  const binaries = await findBinaries(account, packagesOf);
  const folder = { ...files, superuserPassword, account, binaries };

  if ((await readdir(path)).includes('cluster')) {
    await checkVersion(folder);
    await stopLeftoverServer(folder);
  } else {
    await initialise(folder);
  }
  await writeFile(folder.starter, OWN_IDENTITY);
  return folder;
}

/** Stops the server that a killed run left on a folder, so that the folder can be removed. @throws Error if the folder is in use. */
export async function stopServerOn(path: string): Promise<void> {
  const superuserPassword = await readMarker(path);
  // Without a marker, no server was started.
  if (superuserPassword !== undefined) await stopLeftoverServer({ ...filesIn(path), superuserPassword });
}

/** Creates an empty folder in the temporary folder of the machine, which other accounts may walk but not read. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'smart-datahub-postgres-'));
  // Before PostgreSQL 16, its programs leave the current directory and come back by the path.
  await chmod(folder, 0o711);
  return folder;
}

/**
 * The data directory as an argument of the server, which starts in that directory. When root starts it, it runs as a user who owns the
 * directory but may be unable to walk the path to it; this link needs no path.
 */
export function clusterArgument({ cluster, account }: DataFolder): string {
  return account !== undefined && platform() === 'linux' ? '/proc/self/cwd' : cluster;
}

function filesIn(path: string): Pick<DataFolder, 'path' | 'cluster' | 'log' | 'starter'> {
  return {
    path,
    cluster: join(path, 'cluster'),
    log: join(path, 'server.log'),
    starter: join(path, 'starter.pid'),
  };
}

/** The password of the superuser; undefined if the emulator did not make the folder. */
async function readMarker(path: string): Promise<string | undefined> {
  const marker = await readFile(join(path, MARKER), 'utf8').catch(() => undefined);
  return marker === undefined ? undefined : JSON.parse(marker).superuserPassword;
}

async function markFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    const existing = await readMarker(path);
    if (existing !== undefined) return existing;
    if ((await readdir(path)).some((name) => name !== UNFINISHED_MARKER)) {
      throw new Error('it holds files that are not a database of this project; they were left alone');
    }
    const superuserPassword = randomBytes(12).toString('hex');
    await writeFile(join(path, UNFINISHED_MARKER), JSON.stringify({ superuserPassword }), { mode: 0o600 });
    await rename(join(path, UNFINISHED_MARKER), join(path, MARKER));
    return superuserPassword;
  } catch (cause) {
    throw new Error(`cannot keep a database in ${path}: ${reason(cause)}`, { cause });
  }
}

async function checkVersion({ path, cluster, binaries }: DataFolder): Promise<void> {
  const found = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const wanted = await majorVersion(binaries);
  if (Number(found) !== wanted) {
    throw new Error(
      `${path} was written by PostgreSQL ${found}, installed is ${wanted}: remove the folder to start afresh`,
    );
  }
}

async function majorVersion({ postgres }: Binaries): Promise<number> {
  const { stdout } = await run(postgres, ['--version']);
  return Number(/\d+/.exec(stdout)?.[0]);
}

/** Built into PostgreSQL, so that every machine sorts alike. Before version 17, C is, which knows upper and lower case of ASCII only. */
async function localeOptions(binaries: Binaries): Promise<string[]> {
  const hasBuiltin = (await majorVersion(binaries)) >= 17;
  return ['--locale=C', ...(hasBuiltin ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [])];
}

async function initialise(folder: DataFolder): Promise<void> {
  const { path, account, binaries, superuserPassword } = folder;
  // Renamed when it is complete, so that a killed run leaves no incomplete cluster under the final name.
  const unfinished = { ...folder, cluster: join(path, 'unfinished') };
  await rm(unfinished.cluster, { recursive: true, force: true });
  await mkdir(unfinished.cluster, { mode: 0o700 });
  // In the temporary folder of the machine, since the account of the server may be unable to walk the path to `path`.
  const passwordFolder = await temporaryFolder();
  const passwordFile = join(passwordFolder, 'password');
  await writeFile(passwordFile, superuserPassword, { mode: 0o600 });
  if (account !== undefined) {
    for (const owned of [unfinished.cluster, passwordFolder, passwordFile]) {
      await chown(owned, account.uid, account.gid);
    }
  }
  try {
    await run(
      binaries.initdb,
      [
        ...['-D', clusterArgument(unfinished), `--pwfile=${passwordFile}`],
        ...['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8'],
        ...(await localeOptions(binaries)),
        ...['--no-sync', '--no-instructions'],
      ],
      { ...account, cwd: unfinished.cluster },
    );
  } catch (cause) {
    throw new Error(`cannot make a database in ${path}: ${reason(cause)}`, { cause });
  } finally {
    await rm(passwordFolder, { recursive: true });
  }
  await rename(unfinished.cluster, folder.cluster);
}

/** What a program that failed has printed, or else the message of the error. */
function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return 'stderr' in cause && typeof cause.stderr === 'string' ? cause.stderr.trim() : cause.message;
}
