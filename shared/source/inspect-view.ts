import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { changeNotes } from './change-notes.ts';
import { childModelFaults } from './child-model-faults.ts';
import { columnOptionFaults } from './column-option-faults.ts';
import { findContentTypes } from './content-types.ts';
import { dependencyFindings } from './dependency-faults.ts';
import { describeView, type SourceView } from './describe-view.ts';
import { idleOptions } from './idle-options.ts';
import { logTriggerNotes } from './log-trigger-notes.ts';
import { modelFindings, type Note } from './model-faults.ts';
import { rightsFaults } from './rights-faults.ts';
import { setNullFindings } from './set-null-findings.ts';
import { isTriggerLog } from './trigger-log.ts';
import { unprovenKeyFindings } from './unproven-key.ts';
import { readDefinition, type ViewDefinition } from './view-definition.ts';

const NOTHING_FOUND: { faults: string[]; notes: Note[] } = { faults: [], notes: [] };

/**
 * Describes a view as `describeView` does, and looks for mistakes that a batch would not meet, but that leave its target wrong: another main
 * table, key or model, and tables whose changes nobody follows. Throws one `configuration` error that names every fault. Returns notes on
 * changes that the log does not show or that nobody may follow.
 */
export async function inspectView(
  client: Queryable,
  source: ViewSource,
  { contentTypeTable, changeLogTable }: { contentTypeTable: string; changeLogTable: string },
): Promise<{ view: SourceView; notes: Note[] }> {
  const notes: Note[] = [];
  // Triggers log a table itself, not a model: by name they tell which content type is whose, and no change of a row is left out.
  const isOfTriggers = await isTriggerLog(client, changeLogTable);
  let definition: ViewDefinition | undefined;
  let referenced: ReadonlySet<string> = new Set();
  const view = await describeView(client, source, contentTypeTable, async (catalog) => {
    definition = await readDefinition(client, catalog.view);
    const models = isOfTriggers ? NOTHING_FOUND : await modelFindings(client, source, changeLogTable);
    const key = await unprovenKeyFindings(client, source, catalog, isOfTriggers ? null : changeLogTable);
    const contentTypes = await findContentTypes(client, contentTypeTable);
    const followed = await dependencyFindings(client, source, catalog, definition, contentTypes);
    const nulled = await setNullFindings(client, source, catalog, definition, contentTypes);
    referenced = nulled.referenced;
    notes.push(
      ...changeNotes(source.name, definition),
      ...models.notes,
      ...key.notes,
      ...followed.notes,
      ...(isOfTriggers ? [] : nulled.notes),
    );
    return [
      ...(await rightsFaults(client, catalog.view)),
      ...columnOptionFaults(source, catalog.viewColumns),
      ...models.faults,
      ...key.faults,
      ...(await childModelFaults(client, source, catalog)),
      ...followed.faults,
      ...(isOfTriggers ? [] : nulled.faults),
    ];
  });
  if (definition !== undefined) notes.push(...idleOptions(source, view, definition, referenced));
  if (isOfTriggers) notes.push(...(await logTriggerNotes(client, view.logged)));
  return { view, notes };
}
