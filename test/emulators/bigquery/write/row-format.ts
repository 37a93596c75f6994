import type { Table } from '../catalog.ts';
import { type Field, typeName } from '../field.ts';
import { type ConvertedColumn, convert, streamable } from './column-conversion.ts';
import { PROTO_TYPES, type ProtoType } from './proto-type.ts';
import { invalidArgument, unimplemented, WriteError } from './write-error.ts';
import type { FieldDescriptor, RowDescriptor } from './write-protocol.ts';

/** One field of the message of a row. */
export interface RowField {
  readonly name: string;
  readonly type: ProtoType;
  readonly repeated: boolean;
  /** A row without the field is refused. */
  readonly required: boolean;
}

/** A field that fills a column. */
export interface RowColumn extends RowField, ConvertedColumn {
  readonly field: Field;
  /** DuckDB's name of the column while the row is staged. */
  readonly staged: string;
  /** DuckDB's expression for whether a value that fits may be streamed; see streamable. */
  readonly isStreamable?: string;
}

/** How to read rows of one descriptor, and how they become rows of one table. */
export interface RowFormat {
  readonly table: Table;
  readonly columns: readonly RowColumn[];
  /** By field number: the index of the column, or the pseudo column. */
  readonly fields: ReadonlyMap<number, { readonly field: RowField; readonly target: FieldTarget }>;
  /** The names of the columns of the primary key. */
  readonly key: readonly string[];
}

export type FieldTarget = number | PseudoColumn;

type PseudoColumn = 'changeType' | 'sequenceNumber';

/** https://cloud.google.com/bigquery/docs/change-data-capture#specify_changes_to_existing_records */
const PSEUDO_COLUMNS: ReadonlyMap<string, PseudoColumn> = new Map(
  Object.entries<PseudoColumn>({
    _CHANGE_TYPE: 'changeType',
    _CHANGE_SEQUENCE_NUMBER: 'sequenceNumber',
  }),
);

/** @throws WriteError INVALID_ARGUMENT if the descriptor does not fit the table, UNIMPLEMENTED if its rows are not changes. */
export function rowFormat(descriptor: RowDescriptor, table: Table): RowFormat {
  if (table.type !== 'TABLE') throw invalidArgument('Rows can be appended to tables only, not to a view');
  const fields = new Map<number, { field: RowField; target: FieldTarget }>();
  const columns: RowColumn[] = [];
  const key = keyOf(descriptor, table);
  for (const each of descriptor.field) {
    const pseudo = PSEUDO_COLUMNS.get(each.name);
    if (pseudo) fields.set(each.number, { field: pseudoField(each, descriptor), target: pseudo });
    else {
      const field = columnOf(each, table);
      const column = rowColumn({
        descriptor: each,
        row: descriptor,
        field,
        table,
        staged: `c${columns.length}`,
        isKey: key.includes(field),
      });
      fields.set(each.number, { field: column, target: columns.length });
      columns.push(column);
    }
  }
  checkComplete(columns, table, key);
  return { table, columns, fields, key: key.map(({ name }) => name) };
}

/** The columns of the primary key: https://cloud.google.com/bigquery/docs/change-data-capture#prerequisites */
function keyOf({ field }: RowDescriptor, { fields, tableConstraints }: Table): readonly Field[] {
  if (!field.some(({ name }) => name === '_CHANGE_TYPE')) throw unimplemented('rows without _CHANGE_TYPE');
  const names = tableConstraints?.primaryKey?.columns ?? [];
  if (names.length === 0) throw invalidArgument('_CHANGE_TYPE needs a table with a primary key');
  return names.flatMap((name) => fields.find((each) => sameName(each.name, name)) ?? []);
}

function pseudoField(descriptor: FieldDescriptor, row: RowDescriptor): RowField {
  const { name, label } = descriptor;
  const type = PROTO_TYPES.get(descriptor.type);
  if (type?.name !== 'string' || label === 'LABEL_REPEATED') throw mismatch(row, descriptor, 'STRING');
  return { name, type, repeated: false, required: false };
}

function columnOf({ name, options }: FieldDescriptor, { fields }: Table): Field {
  const columnName = options?.['.google.cloud.bigquery.storage.v1.columnName'] || name;
  const field = fields.find((each) => sameName(each.name, columnName));
  if (!field) {
    throw new WriteError(
      'INVALID_ARGUMENT',
      `The input schema has more fields than BigQuery schema, extra fields: '${columnName}'`,
      'SCHEMA_MISMATCH_EXTRA_FIELDS',
    );
  }
  return field;
}

function rowColumn(column: {
  readonly descriptor: FieldDescriptor;
  readonly row: RowDescriptor;
  readonly field: Field;
  readonly table: Table;
  readonly staged: string;
  readonly isKey: boolean;
}): RowColumn {
  const { descriptor, row, field, table, staged, isKey } = column;
  const repeated = descriptor.label === 'LABEL_REPEATED';
  const type = PROTO_TYPES.get(descriptor.type);
  const converted = type && convert(field, type, staged);
  if (!converted || repeated !== (field.mode === 'REPEATED')) {
    throw mismatch(row, descriptor, typeName(field));
  }
  const isStreamable = streamable(field, converted.value, table);
  return {
    name: field.name,
    type,
    repeated,
    required: descriptor.label === 'LABEL_REQUIRED' || isKey || field.mode === 'REQUIRED',
    field,
    staged,
    ...converted,
    ...(isStreamable !== undefined && { isStreamable }),
  };
}

/** @throws WriteError if a column that must have a value has no field. */
function checkComplete(columns: readonly RowColumn[], { fields }: Table, key: readonly Field[]): void {
  const given = new Set(columns.map(({ field }) => field));
  const missing = fields.find(
    (field) => !given.has(field) && (key.includes(field) || field.mode === 'REQUIRED'),
  );
  if (!missing) return;
  const kind = key.includes(missing) ? 'primary key column' : 'required field';
  throw invalidArgument(`The input schema is missing the ${kind} '${missing.name}' of the BigQuery schema`);
}

/** The case of column names does not count: https://cloud.google.com/bigquery/docs/schemas#column_names */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function mismatch({ name: row }: RowDescriptor, { name, type, label }: FieldDescriptor, columnType: string) {
  const protoType = type.replace('TYPE_', '').toLowerCase();
  const repeated = label === 'LABEL_REPEATED' ? 'repeated ' : '';
  return invalidArgument(
    `The proto field mismatched with BigQuery field at ${row}.${name}, the proto field type ${repeated}${protoType}, BigQuery field type ${columnType}`,
  );
}
