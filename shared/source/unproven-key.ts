import { formatKey } from '../model/format-key.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { duplicateKeys } from './capture.ts';
import { isConvincing, logEvidence } from './log-evidence.ts';
import type { Note } from './model-faults.ts';
import { readBriefly } from './read-briefly.ts';
import type { ViewCatalog } from './view-catalog.ts';

/**
 * Checks a key that no unique index of the main table proves, for example of a partitioned table, by the data: it must be unique in the view, and
 * the newest objects that the log names must exist under it; without `logTable`, something else tells that. Reads the whole view.
 */
export async function unprovenKeyFindings(
  client: Queryable,
  source: ViewSource,
  { isKeyUnproven, main, primaryKey, view }: ViewCatalog,
  logTable: string | null,
): Promise<{ faults: string[]; notes: Note[] }> {
  if (!isKeyUnproven || primaryKey === null) return { faults: [], notes: [] };
  const { keyColumn, mainTable, name } = source;
  const why = `${mainTable} has no unique index on ${primaryKey} alone`;
  const duplicates = await readBriefly(client, () =>
    duplicateKeys(client, { relation: view.name, keyColumn }),
  );
  if (duplicates !== null && duplicates.length > 0) {
    const examples = duplicates.map(formatKey).join(', ');
    return {
      faults: [
        `key ${keyColumn} is NULL or not unique, for example ${examples}, and ${why} that would prevent it`,
      ],
      notes: [],
    };
  }
  const contentTypeIds = [source.contentTypeId, ...source.childTypeIds];
  const key = { relation: main, column: primaryKey };
  const found = logTable === null ? null : await logEvidence(client, key, { contentTypeIds, logTable });
  if (found !== null && !isConvincing(found)) {
    return {
      faults: [
        `key ${keyColumn} shows column ${primaryKey} of ${mainTable}, but log rows seem to name another one, since only ${found.existing} of the newest ${found.logged} objects that the log names exist under it`,
      ],
      notes: [],
    };
  }
  const present =
    duplicates === null ? 'could not be checked in the time that a check may take' : 'is unique at present';
  const note = {
    message: `key ${keyColumn} of view ${name} ${present}, but ${why} that would keep it so`,
    advice: `Let one sequence draw ${primaryKey} for all partitions. A key that the view has twice halts it.`,
  };
  return { faults: [], notes: [note] };
}
