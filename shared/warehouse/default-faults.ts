import protobuf from 'protobufjs/light.js';
import type { Column, TableShape } from '../model/columns.ts';
import { fieldWriter, UnfitValue } from './field-writer.ts';

/** Why these values cannot replace NULL in their columns: a sentence for each. The values are written as text, as they are staged. */
export function defaultFaults(
  { columns }: Pick<TableShape, 'columns'>,
  defaults: ReadonlyMap<string, string | number | boolean>,
): string[] {
  return columns.flatMap((column) => {
    const value = defaults.get(column.name);
    if (value === undefined) return [];
    const why =
      column.mode === 'REPEATED' ? 'is not a list, and a list is never NULL' : misfit(column, value);
    return why === null
      ? []
      : [`the null_defaults value of ${column.name}, ${JSON.stringify(value)}, ${why} (${column.type})`];
  });
}

/** Both load types take a value that the stream can write. */
function misfit(column: Column, value: string | number | boolean): string | null {
  try {
    fieldWriter(1, column)(protobuf.Writer.create(), String(value));
    return null;
  } catch (error) {
    if (error instanceof UnfitValue) return error.message;
    throw error;
  }
}
