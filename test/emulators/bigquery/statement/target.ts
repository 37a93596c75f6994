import type { Table } from '../catalog.ts';
import { invalidQuery } from '../error.ts';
import type { Field } from '../field.ts';
import { displayName } from '../names.ts';

/** A table that a statement names: a permanent table, or a temporary table of this script. */
export interface Target {
  readonly table: Table;
  /** The table's name in DuckDB. */
  readonly storage: string;
  readonly temporary: boolean;
}

export function temporaryStorage(table: Table): string {
  return `temp.main."${table.reference.tableId.toLowerCase()}"`;
}

/**
 * Returns the column of this name, ignoring case.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#case_sensitivity
 */
export function fieldNamed({ table }: Target, name: string): Field {
  const field = table.fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (!field) throw invalidQuery(`Column ${name} is not present in table ${displayName(table.reference)}`);
  return field;
}
