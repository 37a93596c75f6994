import type { BigQueryType, Column } from '../model/columns.ts';

/** A field in the answer of tables.get, which uses the older names of some types. */
export type TableField = {
  name: string;
  type: string;
  mode?: string;
  description?: string;
  policyTags?: { names?: string[] };
};

/** One difference between the columns of a table and the expected ones. */
export type ColumnChange =
  /** The table lacks the column. */
  | { change: 'added'; column: Column }
  /** The table has a column that is not expected. */
  | { change: 'dropped'; column: Column }
  /** The table has the column under a name that BigQuery takes for the same: it ignores case. */
  | { change: 'spelling'; column: Column; before: Pick<Column, 'name'> }
  | { change: 'type'; column: Column; before: Pick<Column, 'type' | 'mode'> };

const STANDARD: ReadonlyMap<string, BigQueryType> = new Map(
  Object.entries<BigQueryType>({ BOOLEAN: 'BOOL', FLOAT: 'FLOAT64', INTEGER: 'INT64' }),
);

/** How the expected columns differ from a table's. Order does not matter. */
export function columnChanges(expected: readonly Column[], found: TableField[]): ColumnChange[] {
  const remaining = new Map(found.map((field) => [field.name.toLowerCase(), columnOf(field)]));
  const changes = expected.flatMap((column): ColumnChange[] => {
    const before = remaining.get(column.name.toLowerCase());
    remaining.delete(column.name.toLowerCase());
    if (before === undefined) return [{ change: 'added', column }];
    if (before.name !== column.name) return [{ change: 'spelling', column, before }];
    if (before.type === column.type && before.mode === column.mode) return [];
    return [{ change: 'type', column, before }];
  });
  return [...changes, ...[...remaining.values()].map((column) => ({ change: 'dropped', column }) as const)];
}

/** The column that a field describes. */
export function columnOf({ name, type, mode }: TableField): Column {
  return {
    name,
    type: STANDARD.get(type) ?? (type as BigQueryType),
    mode: (mode ?? 'NULLABLE') as Column['mode'],
  };
}

/** A difference as one sentence. */
export function describeChange(difference: ColumnChange): string {
  const { name, type, mode } = difference.column;
  switch (difference.change) {
    case 'added':
      return `column ${name} (${type}) is missing`;
    case 'dropped':
      return `column ${name} is not in the view`;
    case 'spelling':
      return `column ${name} is written ${difference.before.name} in the table, and BigQuery takes both for one name`;
    case 'type': {
      const { before } = difference;
      return `column ${name} is ${before.mode} ${before.type} instead of ${mode} ${type}`;
    }
  }
}
