import type { TableShape } from '../model/columns.ts';

const FIELD_NAME = /^[A-Za-z_]\w*$/;

/** The columns of a streamed view whose names cannot be names of protobuf fields: a sentence for each. */
export function streamNameFaults({ columns, loadType }: TableShape): string[] {
  if (loadType !== 'bq-storage-api') return [];
  return columns
    .filter(({ name }) => !FIELD_NAME.test(name) || name in Object.prototype)
    .map(
      ({ name }) =>
        `column ${JSON.stringify(name)} of a streamed view cannot be the name of a protobuf field: rename it in the view, with letters, digits and underscores`,
    );
}
