import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The part of @cdktf/hcl2json that is used here: HashiCorp's own parser as WebAssembly. */
interface Hcl {
  /** Converts a file to JSON, with expressions as `${…}`. An error names file and line. */
  parse(filename: string, content: string): Promise<{ locals?: Record<string, unknown>[] }>;
}

// Required rather than imported, because the package's types would add a browser's types to the whole project.
const hcl = createRequire(import.meta.url)('@cdktf/hcl2json') as Hcl;

export const TERRAFORM_FOLDER = join(import.meta.dirname, '../../../terraform');

/** The text of every .tf file, by name. */
export async function readFiles(): Promise<Record<string, string>> {
  const names = globSync('*.tf', { cwd: TERRAFORM_FOLDER });
  const texts = await Promise.all(names.map((name) => readFile(join(TERRAFORM_FOLDER, name), 'utf8')));
  return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']));
}

/** All local values; an expression stays text, `${…}`. */
export async function readLocals(): Promise<Record<string, unknown>> {
  const files = Object.entries(await readFiles());
  const parsed = await Promise.all(files.map(([name, text]) => hcl.parse(name, text)));
  return Object.assign({}, ...parsed.flatMap(({ locals = [] }) => locals));
}

/** The types of all `resource` or `data` blocks. */
export function typesOf(files: Record<string, string>, kind: 'resource' | 'data'): Set<string> {
  const blocks = Object.values(files)
    .join('\n')
    .matchAll(new RegExp(`^${kind} "(\\w+)"`, 'gm'));
  return new Set([...blocks].map(([, type = '']) => type));
}
