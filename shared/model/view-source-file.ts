import { isDeepStrictEqual } from 'node:util';
import { type ViewSourceEntry, viewSourceEntry } from './view-source-entry.ts';

/** The content of the file whose import stores these view sources, such as sql/source/view-sources.json. */
export const viewSourceFile = (entries: readonly ViewSourceEntry[]): string =>
  `${JSON.stringify({ import: entries.map(withoutDefaults) }, null, 2)}\n`;

/** An entry without the fields that have the values which they have if they are left out. */
export function withoutDefaults(entry: ViewSourceEntry): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(viewSourceEntry.shape).flatMap(([field, schema]) => {
      const value = entry[field as keyof ViewSourceEntry];
      const left = schema.safeParse(undefined);
      return left.success && isDeepStrictEqual(left.data, value) ? [] : [[field, value]];
    }),
  );
}
