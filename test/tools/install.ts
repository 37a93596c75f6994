/**
 * The command `npm run test:tools` installs the packages of test/tools/package-lock.json. Safe to repeat, and fast if nothing
 * has changed: it skips `npm ci`, which unpacks hundreds of megabytes, if the lock file is still the installed one.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const folder = import.meta.dirname;
const lockFile = join(folder, 'package-lock.json');

/** A copy of the lock file, written after the installation. `npm ci` removes it first, so an interrupted installation leaves none. */
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
    throw new Error(`npm ci in ${folder} failed with ${npm.status ?? npm.signal}`, { cause: npm.error });
  }
  await copyFile(lockFile, installedLockFile);
}
