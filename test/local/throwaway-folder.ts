import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stopServerOn } from '../emulators/postgres/data-folder.ts';
import { isAlive, OWN_IDENTITY } from '../emulators/process-identity.ts';
import { usable } from './data-folder.ts';
import { databaseFolder } from './databases.ts';

/** `once-<identity of its process>.<six random characters>` */
const NAME = /^once-([\w-]+)\.\w{6}$/;

/** Makes a new empty folder for a run that keeps nothing. */
export async function makeThrowawayFolder(dataFolder: string): Promise<string> {
  return await usable(dataFolder, async () => {
    await mkdir(dataFolder, { recursive: true });
    return await mkdtemp(join(dataFolder, `once-${OWN_IDENTITY}.`));
  });
}

/**
 * Removes what runs that keep nothing have left because they were killed: their folders, and the servers that still run on
 * them. Those of running processes are left alone. Returns how many there were.
 */
export async function removeLeftovers(dataFolder: string): Promise<number> {
  const names = await readdir(dataFolder).catch(() => []);
  const leftovers = names.filter((name) => {
    const [, owner] = NAME.exec(name) ?? [];
    return owner !== undefined && !isAlive(owner);
  });
  for (const name of leftovers) {
    const path = join(dataFolder, name);
    await usable(path, async () => {
      await stopServerOn(databaseFolder(path));
      // A process that was killed a moment ago may still be writing.
      await rm(path, { recursive: true, force: true, maxRetries: 10 });
    });
  }
  return leftovers.length;
}
