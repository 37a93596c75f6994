import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Ports by the name of the part that listens there. */
export type Ports = Readonly<Record<string, number>>;

const fileIn = (folder: string): string => join(folder, 'ports.json');

/** The ports of the last start on a folder, so that addresses stay the same: bookmarks, saved connections. Empty if there was none. */
export async function readPorts(folder: string): Promise<Ports> {
  try {
    return JSON.parse(await readFile(fileIn(folder), 'utf8'));
  } catch {
    return {};
  }
}

/** Keeps the ports for the next start. The rename leaves no half-written file. */
export async function keepPorts(folder: string, ports: Ports): Promise<void> {
  await writeFile(`${fileIn(folder)}.new`, JSON.stringify(ports));
  await rename(`${fileIn(folder)}.new`, fileIn(folder));
}

/** The port of an address: `http://127.0.0.1:8081`, `127.0.0.1:8085`. */
export const portOf = (address: string): number =>
  Number(new URL(address.includes('://') ? address : `tcp://${address}`).port);
