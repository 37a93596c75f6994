import { isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';
import type { ViewProposal } from './view-proposal.ts';

/** The JSON Schema of a file of view sources, which editors read. */
export const SCHEMA = new URL('../../sql/source/view-sources.schema.json', import.meta.url);

/**
 * The content of the file that an import takes, once its todos are decided. `folder` is the folder in which the file will be: it names the schema
 * relative to that.
 */
export function proposalFile(proposals: readonly ViewProposal[], folder: string): string {
  return `${JSON.stringify({ $schema: schemaFrom(folder), import: proposals.map(written) }, null, 2)}\n`;
}

/** A drive of its own has no relative path. */
function schemaFrom(folder: string): string {
  const path = relative(folder, fileURLToPath(SCHEMA));
  if (isAbsolute(path)) return pathToFileURL(path).href;
  const parts = path.split(sep).join('/');
  return parts.startsWith('.') ? parts : `./${parts}`;
}

/** The fields in the order of the documentation, after what a person must decide; the reasons last. */
function written({ entry, reasons, todo }: ViewProposal): Record<string, unknown> {
  const { name, target_name, ...others } = entry;
  const fields = Object.keys(viewSourceEntry.shape).flatMap((field) =>
    field in others ? [[field, others[field as keyof typeof others]]] : [],
  );
  return {
    name,
    target_name,
    ...(todo.length > 0 && { todo }),
    ...Object.fromEntries(fields),
    ...(Object.keys(reasons).length > 0 && { reasons }),
  };
}
