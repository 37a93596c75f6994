import { exec } from 'node:child_process';
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unzipSync, zipSync } from 'fflate';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(exec);

/** The files of the archive that Terraform uploads, relative to the project's root; terraform/archive.json lists them. */
export async function archiveFiles(): Promise<string[]> {
  const text = await readFile(join(ROOT, 'terraform/archive.json'), 'utf8');
  const { include } = JSON.parse(text) as { include: string[] };
  const found: string[] = [];
  for await (const file of glob(include, { cwd: ROOT })) found.push(file.split(sep).join('/'));
  return found.toSorted();
}

/** The archive as a zip file, as Terraform creates it. */
export async function makeArchive(): Promise<Uint8Array> {
  const entries = (await archiveFiles()).map(
    async (file) => [file, await readFile(join(ROOT, file))] as const,
  );
  return zipSync(Object.fromEntries(await Promise.all(entries)));
}

/**
 * Unpacks, installs and builds the archive in a new folder, in the order of Cloud Build: installs all packages, runs `gcp-build`,
 * and removes the development packages. The caller removes the folder.
 */
export async function deployArchive(archive: Uint8Array): Promise<string> {
  const folder = await installArchive(archive);
  try {
    await buildInstalled(folder);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Unpacks the archive in a new folder and installs all its packages, including development packages. The caller removes the folder. */
export async function installArchive(archive: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deployed-'));
  try {
    for (const [file, content] of Object.entries(unzipSync(archive))) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), content);
    }
    await npm('ci --prefer-offline --no-audit --no-fund', folder);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Builds an installed archive, then removes the development packages. */
export async function buildInstalled(folder: string): Promise<void> {
  await npm('run gcp-build', folder);
  await npm('prune --omit=dev --no-audit --no-fund', folder);
}

async function npm(command: string, cwd: string): Promise<void> {
  await run(`npm ${command}`, { cwd, maxBuffer: 64 * 1024 * 1024 });
}
