import { withoutDefaults } from '../model/view-source-file.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** The stored view sources in the form that the import takes, without fields that have their defaults. Reads only. */
export async function exportConfiguration(_: unknown, { control }: Pick<Dependencies, 'control'>) {
  const stored = await control.viewSources.entries();
  return { outcome: 'exported', import: stored.map(({ entry }) => withoutDefaults(entry)) };
}
