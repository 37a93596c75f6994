import { DataHubError } from '../errors.ts';
import {
  changedFields,
  type FieldChange,
  type SourceFields,
  targetChanges,
} from '../model/source-changes.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { targetConflict } from './load-type.ts';
import type { ResolvedEntry } from './view-source-row.ts';

/** Fields that are locked once the view has fed its target: another value would merge other rows over it (I11). */
const LOCKED = ['load_type', 'key_column', 'target_name'] as const;

/** Fields that may only change where the new table holds the same rows. */
const MOVABLE = ['main_table', 'app_label', 'model'] as const;

type Fields = Record<string, unknown>;

/**
 * Throws `configuration` for an entry that cannot be imported; `locked` fields cannot change once the view has batches. Returns the stored row
 * of a view that has fed its target; otherwise null.
 */
export async function assertImportable(
  client: Queryable,
  entry: ResolvedEntry,
  locked: readonly (keyof ResolvedEntry)[] = LOCKED,
): Promise<Fields | null> {
  const { rows } = await client.query(
    `select v.*, exists (select from etl.etl_transaction t where t.view_name = v.name) as was_fed
     from etl.view_source v where v.name = $1 or v.target_name = $2`,
    [entry.name, entry.target_name],
  );
  const isNew = !rows.some(
    (present) => present.name === entry.name && present.target_name === entry.target_name,
  );
  const taken = { view: entry.name, loadType: entry.load_type, target: entry.target_name };
  const why =
    isNew && rows.every((present) => present.target_name !== entry.target_name)
      ? await targetConflict(client, taken)
      : null;
  if (why !== null) throw notImportable(entry.name, [`cannot have its target: ${why}`], ADVICE.target);
  for (const present of rows) {
    const faults =
      present.name === entry.name
        ? lockedChanges(locked, present, entry)
        : [`cannot have target ${entry.target_name}: that target belongs to view ${present.name}`];
    if (faults.length === 0) continue;
    throw notImportable(entry.name, faults, adviceOn(present, entry));
  }
  return rows.find(({ name, was_fed }) => name === entry.name && was_fed) ?? null;
}

const lockedChanges = (
  fields: readonly (keyof ResolvedEntry)[],
  present: Fields,
  entry: ResolvedEntry,
): string[] =>
  fields
    .filter((field) => present.was_fed && present[field] !== entry[field])
    .map(
      (field) => `has batches with ${field} ${present[field]}; an import cannot change it to ${entry[field]}`,
    );

/** Throws `configuration` for an entry that cannot be imported. Returns what its changed fields mean, if the view has batches. */
export async function changesOf(
  client: Queryable,
  entry: ResolvedEntry,
  moved: ReadonlySet<string>,
): Promise<FieldChange[]> {
  const locked = moved.has(entry.name) ? LOCKED : [...LOCKED, ...MOVABLE];
  const present = await assertImportable(client, entry, locked);
  if (present === null) return [];
  const before = present as SourceFields;
  const frozen = targetChanges(before, entry, present.known_columns as string[]);
  if (frozen.length > 0 && entry.column_changes === 'freeze') throw frozenTarget(entry.name, frozen);
  return changedFields(before, entry);
}

function frozenTarget(view: string, fields: string[]): DataHubError {
  return new DataHubError(
    'configuration',
    `view ${view} has batches and its columns are frozen; a change of ${fields.join(', ')} changes its target`,
    {
      context: { view },
      advice: `Nothing was stored. Keep ${fields.join(', ')}, or import the view with "column_changes": "evolve": the target then follows, by a new table in its place where BigQuery cannot change it, and the view is loaded again (docs/changes.md#changed-configuration).`,
    },
  );
}

function notImportable(view: string, faults: string[], advice: string): DataHubError {
  return new DataHubError('configuration', `view ${view} ${faults.join('; ')}`, {
    context: { view },
    advice: `Nothing was stored. ${advice}`,
  });
}

const ADVICE = {
  target:
    'Choose another target_name: the view is then loaded into a new table. Or keep the former name of the view.',
  loadType:
    'Keep the load type, or change it with the loadType command (docs/changes.md#changing-the-load-type).',
};

function adviceOn(present: Fields, { name, load_type }: ResolvedEntry): string {
  if (present.name !== name) return ADVICE.target;
  if (present.load_type !== load_type) return ADVICE.loadType;
  const forget = JSON.stringify({ view: name, forget: true });
  return `Keep these fields. Or load the view into a new table: send ${forget}, confirm it, and import the view with another target_name. The old table stays.`;
}
