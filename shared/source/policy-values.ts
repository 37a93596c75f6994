import type { ColumnPlan } from './decode/column-plan.ts';
import type { Replaced } from './decode/encode-rows.ts';

/** How many values of a column BigQuery could not hold and arrived as the column's policies say, by column. Columns without any are left out. */
export type PolicyValues = Record<string, number>;

/** The same, by why they were replaced. A NULL array says nothing about the other values of its column. */
export type ReplacedValues = Record<keyof Replaced, PolicyValues>;

/** The counts of an encoder by the names of its columns. */
export function replacedByColumn(
  columns: readonly Pick<ColumnPlan, 'name'>[],
  { unrepresentable, nullArray }: Replaced,
): ReplacedValues {
  const named = (counts: readonly number[]): PolicyValues =>
    Object.fromEntries(columns.flatMap(({ name }, i) => (counts[i] ? [[name, counts[i]]] : [])));
  return { unrepresentable: named(unrepresentable), nullArray: named(nullArray) };
}

/** Adds several counts, column by column. */
export function addPolicyValues(counted: readonly PolicyValues[]): PolicyValues {
  const sums = new Map<string, number>();
  for (const [column, count] of counted.flatMap((values) => Object.entries(values))) {
    sums.set(column, (sums.get(column) ?? 0) + count);
  }
  return Object.fromEntries(sums);
}
