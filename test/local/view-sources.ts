import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readFile as parseFile } from '../../functions/admin/sources/read-file.ts';
import { InputFileError } from './arguments.ts';

/** The view sources of a file, in the form that the function `extract` imports. */
export interface ViewSources {
  /** The name of the file, for people. */
  file: string;
  /** The content of the file as it is: the payload of the import. */
  payload: object;
  views: { name: string; targetName: string; loadType: string; enabled: boolean }[];
}

/** The view sources of SMartApp. */
export const SMARTAPP_VIEWS = fileURLToPath(new URL('../../sql/source/view-sources.json', import.meta.url));

/** @throws InputFileError saying why the file is none that `extract` could import; what only the source can tell is not checked. */
export async function readViewSources(path: string = SMARTAPP_VIEWS): Promise<ViewSources> {
  const file = path === SMARTAPP_VIEWS ? 'sql/source/view-sources.json' : path;
  return parseViewSources(await readText(path, file), file);
}

export function parseViewSources(text: string, file: string): ViewSources {
  // Editors of Windows begin a file with a byte order mark.
  const content = text.replace(/^\uFEFF/, '');
  if (content.trim() === '') throw new InputFileError(`${file} is empty\n  ${FORM}`);
  const parsed = parseFile(content);
  if (parsed.problems !== undefined)
    throw new InputFileError([`${file} cannot be imported:`, ...parsed.problems, FORM].join('\n  '));
  const views = parsed.entries.map((entry) => ({
    name: entry.name,
    targetName: entry.target_name,
    loadType: entry.load_type,
    enabled: entry.enabled,
  }));
  if (!views.some(({ enabled }) => enabled)) throw new InputFileError(`${file} enables no view source`);
  return { file, payload: JSON.parse(content), views };
}

const FORM = 'Its form: docs/configuration.md#view-sources; an example: sql/source/view-sources.json.';

async function readText(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const reason = REASONS[String(code)] ?? (cause instanceof Error ? cause.message : String(cause));
    throw new InputFileError(`--views ${file}: ${reason}`, { cause });
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'it may not be read',
};

/** The view sources of SMartApp that are replicated, sorted by name. */
export async function readEnabledViewSources(path?: string): Promise<ViewSources['views']> {
  const { views } = await readViewSources(path);
  return views.filter(({ enabled }) => enabled).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
