import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stopServerOn } from '../emulators/postgres/data-folder.ts';
import { isAlive, OWN_IDENTITY } from '../emulators/process-identity.ts';
import { withFolder } from './data-folder.ts';
import { databaseFolder } from './databases.ts';
import { makeFolder } from './make-folder.ts';

/** `once-<identity of its process>.<six random characters>` */
const NAME = /^once-([\w-]+)\.\w{6}$/;

/** Creates an empty folder for a run that keeps no data. */
export async function makeThrowawayFolder(dataFolder: string): Promise<string> {
  return await withFolder(dataFolder, async () => {
    await makeFolder(dataFolder);
    return await mkdtemp(join(dataFolder, `once-${OWN_IDENTITY}.`));
  });
}

/**
 * Removes what killed `--once` runs have left: stops the PostgreSQL servers that still run, and removes the folders. It leaves
 * the folders of running processes alone. Returns how many it removed.
 */
export async function removeLeftovers(dataFolder: string): Promise<number> {
  const names = await readdir(dataFolder).catch(() => []);
  const leftovers = names.filter((name) => {
    const [, owner] = NAME.exec(name) ?? [];
    return owner !== undefined && !isAlive(owner);
  });
  for (const name of leftovers) {
    const path = join(dataFolder, name);
    await withFolder(path, async () => {
      await stopServerOn(databaseFolder(path));
      // A process that was killed a moment ago may still write.
      await rm(path, { recursive: true, force: true, maxRetries: 10 });
    });
  }
  return leftovers.length;
}
