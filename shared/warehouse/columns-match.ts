import type { BigQueryType, Column } from '../model/columns.ts';

/** A field in the answer of tables.get, which uses the older names of some types. */
export type TableField = { name: string; type: string; mode?: string };

const STANDARD: ReadonlyMap<string, BigQueryType> = new Map(
  Object.entries<BigQueryType>({ BOOLEAN: 'BOOL', FLOAT: 'FLOAT64', INTEGER: 'INT64' }),
);

/** Describes how a table's columns differ from the expected ones, one sentence for each difference. Order does not matter. */
export function columnDifferences(expected: readonly Column[], found: TableField[]): string[] {
  const remaining = new Map(found.map((field) => [field.name, field]));
  const differences = expected.flatMap(({ name, type, mode }) => {
    const field = remaining.get(name);
    remaining.delete(name);
    if (field === undefined) return [`column ${name} (${type}) is missing`];
    const foundType = STANDARD.get(field.type) ?? field.type;
    const foundMode = field.mode ?? 'NULLABLE';
    if (foundType === type && foundMode === mode) return [];
    return [`column ${name} is ${foundMode} ${foundType} instead of ${mode} ${type}`];
  });
  return [...differences, ...[...remaining.keys()].map((name) => `column ${name} is not in the view`)];
}
