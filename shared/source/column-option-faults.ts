import type { ViewSource } from '../model/view-source.ts';

/** Options of columns that cannot have them: a sentence for each. */
export function columnOptionFaults({
  keyColumn,
  datetimeColumns,
  nullDefaults,
  unrepresentable,
}: ViewSource): string[] {
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
  ];
}
