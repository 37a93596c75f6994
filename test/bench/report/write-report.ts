import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRecords } from '../record.ts';
import { generatedReport } from './generated-report.ts';

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));

/** Writes docs/performance.md with its charts and docs/capacity.md, and returns the names of the files. */
export async function writeReport(): Promise<string[]> {
  const files = generatedReport(await readRecords());
  for (const [path, content] of files) {
    await mkdir(dirname(DOCS + path), { recursive: true });
    await writeFile(DOCS + path, content);
  }
  return [...files.keys()].map((path) => `docs/${path}`);
}
