import type { TableShape } from '../model/columns.ts';
import { type Datasets, objectNames, quoted } from './names.ts';

/** A column that holds the key of another target. */
export type ForeignKey = { column: string; references: { target: string; keyColumn: string } };

/**
 * Declares a target's foreign keys. Never run by the functions: BigQuery optimizes by constraints that it does not enforce, and a
 * view that filters its parents breaks them. Not safe to repeat: a second run adds the constraint again.
 */
export function foreignKeysSql(datasets: Datasets, shape: TableShape, foreignKeys: ForeignKey[]): string {
  const table = quoted(objectNames(datasets, shape).target);
  const statements = foreignKeys.map(
    ({ column, references }) =>
      `alter table ${table} add foreign key (${quoted(column)})
references ${quoted(objectNames(datasets, references).target)} (${quoted(references.keyColumn)}) not enforced;`,
  );
  return `-- Declares the foreign keys of ${shape.view}, if you want joins optimized by them: only where every row's parent is in the
-- parent's target and not deleted, since a violated constraint gives wrong results. Run by hand, once.
${statements.join('\n')}
`;
}
