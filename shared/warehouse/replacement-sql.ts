import type { BigQueryType, Column, TableShape } from '../model/columns.ts';
import { type Datasets, objectNames, quoted } from './names.ts';
import { type Layout, targetColumns, targetDefinition } from './tables-sql.ts';

/**
 * The types to which `safe_cast` converts a type without another meaning of the value; base64 and JSON need more than that.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
 */
const CASTS: Partial<Record<BigQueryType, readonly BigQueryType[]>> = {
  INT64: ['NUMERIC', 'BIGNUMERIC', 'FLOAT64', 'STRING'],
  NUMERIC: ['INT64', 'BIGNUMERIC', 'FLOAT64', 'STRING'],
  BIGNUMERIC: ['INT64', 'NUMERIC', 'FLOAT64', 'STRING'],
  FLOAT64: ['INT64', 'NUMERIC', 'BIGNUMERIC', 'STRING'],
  BOOL: ['STRING'],
  STRING: ['INT64', 'NUMERIC', 'BIGNUMERIC', 'FLOAT64', 'BOOL', 'DATE', 'DATETIME', 'TIME', 'TIMESTAMP'],
  DATE: ['DATETIME', 'TIMESTAMP', 'STRING'],
  DATETIME: ['DATE', 'TIME', 'TIMESTAMP', 'STRING'],
  TIME: ['STRING'],
  TIMESTAMP: ['DATE', 'TIME', 'DATETIME', 'STRING'],
};

/** The name of the table that takes the place of a target, until it has the target's own. No view source can name such a target, because of the dash. */
export const replacementName = (target: string): string => `${target}-replacement`;

/** Creates the table that will take the place of a target, without rows. Fails if an earlier attempt has left one. */
export function newTargetSql(
  datasets: Datasets,
  shape: TableShape,
  layout: Layout,
  dropped: readonly Column[],
): string {
  const replacement = replacementName(objectNames(datasets, shape).target);
  return `-- A new target of ${shape.view}, whose layout or types BigQuery cannot change in place. Not to be repeated.
create table ${targetDefinition(replacement, shape, layout, dropped)}`;
}

/**
 * Copies the rows of a target into the new one, and gives that the name of the target. `found` are the columns of the target; a value that has
 * no place in the new type becomes NULL. Never repeat it: after its second statement only `renameSql` may follow.
 */
export function swapSql(
  datasets: Datasets,
  shape: TableShape,
  dropped: readonly Column[],
  found: readonly Column[],
): string {
  const { target } = objectNames(datasets, shape);
  const before = new Map(found.map((column) => [column.name, column]));
  const copied = [...targetColumns(shape), ...dropped].flatMap((column) => {
    const from = before.get(column.name);
    const value = from === undefined ? null : converted(from, column);
    return value === null ? [] : [{ name: quoted(column.name), value }];
  });
  return `-- The new target of ${shape.view} gets the rows, and then the name, of the one before. Not to be repeated.
insert into ${quoted(replacementName(target))} (${copied.map(({ name }) => name).join(', ')})
select ${copied.map(({ value }) => value).join(', ')}
from ${quoted(target)} v_target;
drop table ${quoted(target)};
${renameSql(datasets, shape)}`;
}

/** Gives the new target the name of the one before, which must not exist any more. */
export function renameSql(datasets: Datasets, shape: Pick<TableShape, 'target'>): string {
  return `alter table ${quoted(replacementName(objectNames(datasets, shape).target))} rename to ${quoted(shape.target)};\n`;
}

/** Removes a new target that was not needed in the end. Only while there is a target. Safe to repeat. */
export function dropReplacementSql(datasets: Datasets, shape: Pick<TableShape, 'target'>): string {
  return `drop table if exists ${quoted(replacementName(objectNames(datasets, shape).target))};\n`;
}

/**
 * Rewrites all rows, so that they follow a new clustering. Safe to repeat.
 * https://cloud.google.com/bigquery/docs/manage-clustered-tables#modifying-cluster-spec
 */
export function rewriteSql(datasets: Datasets, shape: Pick<TableShape, 'target' | 'keyColumn'>): string {
  const key = quoted(shape.keyColumn);
  return `-- All rows of the target follow its new clustering. Safe to repeat.
update ${quoted(objectNames(datasets, shape).target)} v_target set ${key} = v_target.${key} where true;
`;
}

/** The value of a column in another type; null where there is none, and the column stays NULL. */
function converted(from: Column, to: Column): string | null {
  const value = `v_target.${quoted(to.name)}`;
  if (from.type === to.type && (from.mode === 'REPEATED') === (to.mode === 'REPEATED')) return value;
  if (from.mode === 'REPEATED' || to.mode === 'REPEATED') return null;
  if (from.type === 'JSON' && to.type === 'STRING') return `to_json_string(${value})`;
  return CASTS[from.type]?.includes(to.type) ? `safe_cast(${value} as ${to.type.toLowerCase()})` : null;
}
