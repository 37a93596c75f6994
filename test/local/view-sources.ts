import { readFile } from 'node:fs/promises';

/** SMartApp's view sources, in the form that the function `extract` imports; only the fields used here are typed. */
export interface ViewSources {
  import: { name: string; load_type: string; enabled?: boolean }[];
}

const FILE = new URL('../../sql/source/view-sources.json', import.meta.url);

export async function readViewSources(): Promise<ViewSources> {
  return parseViewSources(await readFile(FILE, 'utf8'));
}

export function parseViewSources(text: string): ViewSources {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`sql/source/view-sources.json is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The view sources that are replicated, sorted by name. */
export async function readEnabledViewSources(): Promise<ViewSources['import']> {
  const sources = (await readViewSources()).import.filter(({ enabled = true }) => enabled);
  return sources.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
