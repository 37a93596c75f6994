import type { Table } from '../catalog.ts';
import { invalidQuery } from '../error.ts';
import type { Field } from '../field.ts';
import { displayName } from '../names.ts';

/** A table that a statement names: a real one, or a temporary one of this script. */
export interface Target {
  readonly table: Table;
  /** DuckDB's name of it. */
  readonly storage: string;
  readonly temporary: boolean;
}

export function temporaryStorage(table: Table): string {
  return `temp.main."${table.reference.tableId.toLowerCase()}"`;
}

/** The target's column of this name, in whatever case it was written. */
export function fieldNamed({ table }: Target, name: string): Field {
  const field = table.fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (!field) throw invalidQuery(`Column ${name} is not present in table ${displayName(table.reference)}`);
  return field;
}
