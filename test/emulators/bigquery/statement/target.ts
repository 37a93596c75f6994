import type { Table } from '../catalog.ts';
import { invalidQuery } from '../error.ts';
import type { Field } from '../field.ts';
import { displayName } from '../names.ts';

/** A table or view that a statement names. */
export interface Target {
  readonly table: Table;
  /** DuckDB's name of the table. */
  readonly storage: string;
}

/** The column of this name, in any case. @throws BigQueryError if it does not exist. */
export function fieldNamed({ table }: Target, name: string): Field {
  const field = table.fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (!field) throw invalidQuery(`Column ${name} is not present in table ${displayName(table.reference)}`);
  return field;
}
