import { omittedColumnsOf, type ViewSource } from '../model/view-source.ts';
import type { CatalogColumn } from './catalog.ts';

/** Options of columns that cannot have them: a sentence for each. */
export function columnOptionFaults(source: ViewSource, viewColumns: readonly CatalogColumn[]): string[] {
  const { keyColumn, datetimeColumns, nullDefaults, unrepresentable } = source;
  return [
    ...(Object.hasOwn(unrepresentable, keyColumn)
      ? [
          `key ${keyColumn} cannot have an unrepresentable policy: a row whose key is changed would be another row`,
        ]
      : []),
    ...(Object.hasOwn(nullDefaults, keyColumn)
      ? [`key ${keyColumn} cannot have a default: a key is never NULL`]
      : []),
    ...(datetimeColumns.includes(keyColumn)
      ? [`key ${keyColumn} cannot be a datetime column: keys are compared as they are written`]
      : []),
    ...omittedColumnFaults(source, viewColumns),
  ];
}

/** The columns that are omitted by default need not exist. */
function omittedColumnFaults(source: ViewSource, viewColumns: readonly CatalogColumn[]): string[] {
  const inView = new Set(viewColumns.map(({ column }) => column));
  const omitted = omittedColumnsOf(source);
  const options: [string, string[]][] = [
    ['datetime column', source.datetimeColumns],
    ['null_defaults column', Object.keys(source.nullDefaults)],
    ['unrepresentable column', Object.keys(source.unrepresentable)],
    ['null_arrays column', Object.keys(source.nullArrays)],
    ['foreign key column', source.foreignKeys.map(({ column }) => column)],
  ];
  return [
    ...(source.omittedColumns ?? [])
      .filter((name) => !inView.has(name))
      .map((name) => `omitted column ${name} does not exist in the view`),
    ...options.flatMap(([what, names]) =>
      names
        .filter((name) => omitted.has(name) && inView.has(name))
        .map((name) => `${what} ${name} is one of the omitted columns, which the target does not get`),
    ),
  ];
}
