import { exec } from 'node:child_process';
import { cp, glob, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const deflate = promisify<Buffer, Buffer>(deflateRaw);
const run = promisify(exec);

/** The files of the archive that Terraform uploads, relative to the project's root (terraform/archive.json says which). */
export async function archiveFiles(): Promise<string[]> {
  const text = await readFile(join(ROOT, 'terraform/archive.json'), 'utf8');
  const { include } = JSON.parse(text) as { include: string[] };
  const found: string[] = [];
  for await (const file of glob(include, { cwd: ROOT })) found.push(file.split(sep).join('/'));
  return found.toSorted();
}

/** The bytes of the archive, in which each file is packed for itself. */
export async function archiveBytes(): Promise<number> {
  const sizes = (await archiveFiles()).map(async (file) => {
    const packed = await deflate(await readFile(join(ROOT, file)));
    return packed.length + 2 * file.length + ZIP_ENTRY_BYTES;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

/** A local header and one in the central directory, without the name that stands in both. */
const ZIP_ENTRY_BYTES = 30 + 46;

/**
 * The archive in a folder of its own, built and installed the way Cloud Build does: `npm run gcp-build` with the development
 * dependencies (those of this project, instead of a second download), then the production dependencies alone. Whoever asks
 * removes the folder.
 */
export async function deployArchive(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deployed-'));
  try {
    for (const file of await archiveFiles()) await cp(join(ROOT, file), join(folder, file));
    const modules = join(folder, 'node_modules');
    await symlink(join(ROOT, 'node_modules'), modules, 'junction');
    await npm('run gcp-build', folder);
    await rm(modules);
    await npm('ci --omit=dev --prefer-offline --no-audit --no-fund', folder);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function npm(command: string, cwd: string): Promise<void> {
  await run(`npm ${command}`, { cwd, maxBuffer: 64 * 1024 * 1024 });
}
