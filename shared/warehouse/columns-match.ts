import type { BigQueryType, Column } from '../model/columns.ts';

/** A field of tables.get; the API answers with the older names of some types. */
export type TableField = { name: string; type: string; mode?: string };

const STANDARD: Record<string, BigQueryType> = { BOOLEAN: 'BOOL', FLOAT: 'FLOAT64', INTEGER: 'INT64' };

/** How the table's columns differ from those that were expected, one sentence each; order does not matter. */
export function columnDifferences(expected: readonly Column[], found: TableField[]): string[] {
  const there = new Map(found.map((field) => [field.name, field]));
  const differences = expected.flatMap(({ name, type, mode }) => {
    const field = there.get(name);
    there.delete(name);
    if (field === undefined) return [`column ${name} (${type}) is missing`];
    const foundType = STANDARD[field.type] ?? field.type;
    const foundMode = field.mode ?? 'NULLABLE';
    if (foundType === type && foundMode === mode) return [];
    return [`column ${name} is ${foundMode} ${foundType} instead of ${mode} ${type}`];
  });
  return [...differences, ...[...there.keys()].map((name) => `column ${name} is not in the view`)];
}
