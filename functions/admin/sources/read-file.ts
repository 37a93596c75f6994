import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { viewSourceImportFile } from '../../../shared/model/view-source-import.ts';
import { placeOf, plainFault } from './entry-faults.ts';
import { jsonFault } from './json-fault.ts';

/** The entries of a file, or everything that is wrong with it, in words. */
export type ReadFile = { entries: ViewSourceEntry[]; problems?: never } | { problems: string[] };

/** Reads the text of a file such as sql/source/view-sources.json. */
export function readFile(text: string): ReadFile {
  if (text.trim() === '') return { problems: ['There is no file: choose one, or paste its content.'] };
  const fault = jsonFault(text);
  if (fault !== null) return { problems: [`The file is no JSON. ${fault}`] };
  const given: unknown = JSON.parse(text);
  const parsed = viewSourceImportFile.safeParse(given);
  if (parsed.success) return { entries: parsed.data.import };
  const isFile =
    typeof given === 'object' && given !== null && 'import' in given && Array.isArray(given.import);
  if (!isFile)
    return { problems: ['The file must be an object with a list of view sources: {"import": […]}.'] };
  return {
    problems: parsed.error.issues.map((issue) => {
      const place = placeOf(issue.path, given);
      return `${place === '' ? 'the file' : place}: ${plainFault(issue)}.`;
    }),
  };
}
