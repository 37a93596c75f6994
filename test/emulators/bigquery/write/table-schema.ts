import type { Field, FieldType } from '../field.ts';
import type { StorageField, StorageSchema } from './write-protocol.ts';

/** Types that the Write API names otherwise than the REST interface. */
const TYPES: Partial<Record<FieldType, string>> = {
  BOOLEAN: 'BOOL',
  FLOAT: 'DOUBLE',
  INTEGER: 'INT64',
  RECORD: 'STRUCT',
};

export function storageSchemaOf(fields: readonly Field[]): StorageSchema {
  return { fields: fields.map(storageField) };
}

function storageField({ type, fields, ...described }: Field): StorageField {
  return { ...described, type: TYPES[type] ?? type, ...(fields && { fields: fields.map(storageField) }) };
}
