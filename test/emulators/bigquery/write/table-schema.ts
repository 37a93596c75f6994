import type { Table } from '../catalog.ts';
import type { FieldType } from '../field.ts';
import type { TableSchema } from './write-protocol.ts';

/** The types whose names in google.cloud.bigquery.storage.v1.TableFieldSchema differ from those of the REST interface. */
const TYPE_NAMES: Partial<Record<FieldType, string>> = { BOOLEAN: 'BOOL', FLOAT: 'DOUBLE', INTEGER: 'INT64' };

/** The columns of a table, as the Storage Write API describes them. */
export function tableSchema({ fields }: Table): TableSchema {
  return {
    fields: fields.map(({ name, type, mode }) => ({ name, type: TYPE_NAMES[type] ?? type, mode })),
  };
}
