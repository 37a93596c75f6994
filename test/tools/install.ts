/**
 * The command `npm run test:tools`: installs what test/tools/package-lock.json names. Safe to repeat, and quick when
 * nothing changed: `npm ci` unpacks hundreds of megabytes, so it is left out when the last one had the same lock file.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const folder = import.meta.dirname;
const lockFile = join(folder, 'package-lock.json');

/** A copy made when all is installed. `npm ci` begins by removing it, so an interrupted one leaves none. */
const installedLockFile = join(folder, 'node_modules', '.installed-package-lock.json');

async function isInstalled(): Promise<boolean> {
  try {
    const [wanted, installed] = await Promise.all([readFile(lockFile), readFile(installedLockFile)]);
    return installed.equals(wanted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

if (!(await isInstalled())) {
  const npm = spawnSync('npm ci', { cwd: folder, shell: true, stdio: 'inherit' });
  if (npm.status !== 0) {
    throw new Error(`npm ci in ${folder} ended with ${npm.status ?? npm.signal}`, { cause: npm.error });
  }
  await copyFile(lockFile, installedLockFile);
}
