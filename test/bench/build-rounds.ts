import { exec } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(exec);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the programs look for in the folder of the project, beside its package.json. */
const LINKED = ['functions', 'node_modules', 'sql'];

/** The programs of the rounds, as the deployment builds its functions. */
export type BuiltRounds = {
  folder: string;
  /** The compiled code that V8 keeps of the functions. */
  compileCache: string;
  remove(): Promise<void>;
};

/**
 * Builds the programs of the rounds, and all that they import, into a folder of its own, and fills its compile cache as the deployment does: a function that runs from its
 * sources compiles them first, and needs the memory of a compiler.
 */
export async function buildRounds(): Promise<BuiltRounds> {
  const folder = await mkdtemp(join(tmpdir(), 'smart-datahub-rounds-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
    for (const name of LINKED) await symlink(join(ROOT, name), join(folder, name), 'junction');
    const dist = join(folder, 'dist');
    for (const project of ['tsconfig.build.json', 'test/bench/tsconfig.json'])
      await run(`npx tsc --project ${project} --outDir "${dist}"`, { cwd: ROOT });
    await run('node functions/fill-compile-cache.js', { cwd: dist });
    return { folder: dist, compileCache: join(dist, 'compile-cache'), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
