import type { TableShape } from '../model/columns.ts';
import { type Datasets, objectNames, quoted } from './names.ts';

/** A column that refers to the key of another target. */
export type ForeignKey = { column: string; references: { target: string; keyColumn: string } };

/**
 * Returns the script that declares a target's foreign keys. The functions never run it: BigQuery trusts these constraints when it optimizes
 * but does not enforce them, and a view that filters its parents violates them. Not safe to repeat: a second run adds the constraints again.
 */
export function foreignKeysSql(datasets: Datasets, shape: TableShape, foreignKeys: ForeignKey[]): string {
  const table = quoted(objectNames(datasets, shape).target);
  const statements = foreignKeys.map(
    ({ column, references }) =>
      `alter table ${table} add foreign key (${quoted(column)})
references ${quoted(objectNames(datasets, references).target)} (${quoted(references.keyColumn)}) not enforced;`,
  );
  return `-- Declares the foreign keys of ${shape.view}, so that BigQuery can optimize joins. Run it by hand, once, and only if the parent of every row
-- is in the parent's target and not deleted: a violated constraint makes queries return wrong results.
${statements.join('\n')}
`;
}
