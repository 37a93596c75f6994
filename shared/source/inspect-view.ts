import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { changeNotes } from './change-notes.ts';
import { columnOptionFaults } from './column-option-faults.ts';
import { findContentTypes } from './content-types.ts';
import { dependencyFaults } from './dependency-faults.ts';
import { describeView, type SourceView } from './describe-view.ts';
import { idleOptions } from './idle-options.ts';
import { modelFindings, type Note } from './model-faults.ts';
import { rightsFaults } from './rights-faults.ts';
import { unprovenKeyFindings } from './unproven-key.ts';
import { readDefinition, type ViewDefinition } from './view-definition.ts';

/**
 * Describes a view as `describeView` does, and looks for mistakes that a batch would not meet, but that leave its target wrong: another main
 * table, key or model, and tables whose changes nobody follows. Throws one `configuration` error that names every fault. Returns notes on
 * changes that the log does not show.
 */
export async function inspectView(
  client: Queryable,
  source: ViewSource,
  { contentTypeTable, changeLogTable }: { contentTypeTable: string; changeLogTable: string },
): Promise<{ view: SourceView; notes: Note[] }> {
  const notes: Note[] = [];
  let definition: ViewDefinition | undefined;
  const view = await describeView(client, source, contentTypeTable, async (catalog) => {
    definition = await readDefinition(client, catalog.view);
    const models = await modelFindings(client, source, changeLogTable);
    const key = await unprovenKeyFindings(client, source, catalog, changeLogTable);
    notes.push(...changeNotes(source.name, definition), ...models.notes, ...key.notes);
    const contentTypes = await findContentTypes(client, contentTypeTable);
    return [
      ...(await rightsFaults(client, catalog.view)),
      ...columnOptionFaults(source, catalog.viewColumns),
      ...models.faults,
      ...key.faults,
      ...(await dependencyFaults(client, source, catalog, definition, contentTypes)),
    ];
  });
  if (definition !== undefined) notes.push(...idleOptions(source, view, definition));
  return { view, notes };
}
