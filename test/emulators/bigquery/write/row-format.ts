import type { Table } from '../catalog.ts';
import { type Field, typeName } from '../field.ts';
import { type ConvertedColumn, convert, streamable } from './column-conversion.ts';
import { PROTO_TYPES, type ProtoType } from './proto-type.ts';
import { invalidArgument, unimplemented, WriteError } from './write-error.ts';
import type { FieldDescriptor, RowDescriptor } from './write-protocol.ts';

/** One field of the rows' message. */
export interface RowField {
  readonly name: string;
  readonly type: ProtoType;
  readonly repeated: boolean;
  /** A row without it is refused. */
  readonly required: boolean;
}

/** A field that fills a column. */
export interface RowColumn extends RowField, ConvertedColumn {
  readonly field: Field;
  /** DuckDB's name of it while the row is staged. */
  readonly staged: string;
  /** DuckDB's expression whether a value that fits may be streamed; see streamable. */
  readonly isStreamable?: string;
  /** The column takes its default where a row has no value. */
  readonly takesDefault: boolean;
}

/** How rows of one descriptor are read, and what becomes of them in one table. */
export interface RowFormat {
  readonly table: Table;
  readonly columns: readonly RowColumn[];
  /** By their numbers: indexes of `columns`, and the two that say what a change is. */
  readonly fields: ReadonlyMap<number, { readonly field: RowField; readonly target: FieldTarget }>;
  /** Names of the primary key's columns if the rows are changes; nothing if they are plain rows. */
  readonly key: readonly string[] | undefined;
}

export type FieldTarget = number | PseudoColumn;

type PseudoColumn = 'changeType' | 'sequenceNumber';

const PSEUDO_COLUMNS: Readonly<Record<string, PseudoColumn>> = {
  _CHANGE_TYPE: 'changeType',
  _CHANGE_SEQUENCE_NUMBER: 'sequenceNumber',
};

/**
 * `takesDefault` says of a column, by its name in lower case, whether its missing values become its default.
 * @throws WriteError INVALID_ARGUMENT where the descriptor does not fit the table.
 */
export function rowFormat(
  descriptor: RowDescriptor,
  table: Table,
  takesDefault: (column: string) => boolean,
): RowFormat {
  if (table.type !== 'TABLE') throw invalidArgument('Rows can be appended to tables only, not to a view');
  const fields = new Map<number, { field: RowField; target: FieldTarget }>();
  const columns: RowColumn[] = [];
  const key = keyOf(descriptor, table);
  for (const each of descriptor.field) {
    const pseudo = PSEUDO_COLUMNS[each.name];
    if (pseudo) fields.set(each.number, { field: pseudoField(each, descriptor), target: pseudo });
    else {
      const field = columnOf(each, table);
      const column = rowColumn({
        descriptor: each,
        row: descriptor,
        field,
        table,
        staged: `c${columns.length}`,
        isKey: key?.includes(field) ?? false,
        takesDefault: field.defaultValueExpression !== undefined && takesDefault(field.name.toLowerCase()),
      });
      fields.set(each.number, { field: column, target: columns.length });
      columns.push(column);
    }
  }
  checkComplete(columns, table, key ?? []);
  return { table, columns, fields, key: key?.map(({ name }) => name) };
}

/** The columns that tell the table's rows apart, if the rows of the descriptor are changes. */
function keyOf({ field }: RowDescriptor, { fields, tableConstraints }: Table): readonly Field[] | undefined {
  const has = (wanted: string) => field.some(({ name }) => name === wanted);
  if (!has('_CHANGE_TYPE')) {
    if (!has('_CHANGE_SEQUENCE_NUMBER')) return undefined;
    throw invalidArgument('_CHANGE_SEQUENCE_NUMBER needs the field _CHANGE_TYPE');
  }
  const names = tableConstraints?.primaryKey?.columns ?? [];
  if (names.length === 0) throw invalidArgument('_CHANGE_TYPE needs a table with a primary key');
  return names.flatMap((name) => fields.find((each) => sameName(each.name, name)) ?? []);
}

function pseudoField(descriptor: FieldDescriptor, row: RowDescriptor): RowField {
  const { name, label } = descriptor;
  const type = PROTO_TYPES[descriptor.type];
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
  if (field.type === 'RECORD') throw unimplemented(`RECORD columns in the Write API (${columnName})`);
  return field;
}

function rowColumn(column: {
  readonly descriptor: FieldDescriptor;
  readonly row: RowDescriptor;
  readonly field: Field;
  readonly table: Table;
  readonly staged: string;
  readonly isKey: boolean;
  readonly takesDefault: boolean;
}): RowColumn {
  const { descriptor, row, field, table, staged, isKey, takesDefault } = column;
  const repeated = descriptor.label === 'LABEL_REPEATED';
  const type = PROTO_TYPES[descriptor.type];
  const converted = type && convert(field, type, staged);
  if (!converted || repeated !== (field.mode === 'REPEATED')) {
    throw mismatch(row, descriptor, typeName(field));
  }
  const isStreamable = streamable(field, converted.value, table);
  return {
    name: field.name,
    type,
    repeated,
    required: descriptor.label === 'LABEL_REQUIRED' || isKey || (field.mode === 'REQUIRED' && !takesDefault),
    field,
    staged,
    takesDefault,
    ...converted,
    ...(isStreamable !== undefined && { isStreamable }),
  };
}

/** @throws WriteError if the rows cannot have a value for a column that must have one. */
function checkComplete(columns: readonly RowColumn[], { fields }: Table, key: readonly Field[]): void {
  const given = new Set(columns.map(({ field }) => field));
  const missing = fields.find(
    (field) =>
      !given.has(field) &&
      (key.includes(field) || (field.mode === 'REQUIRED' && field.defaultValueExpression === undefined)),
  );
  if (!missing) return;
  const kind = key.includes(missing) ? 'primary key column' : 'required field';
  throw invalidArgument(`The input schema is missing the ${kind} '${missing.name}' of the BigQuery schema`);
}

/** BigQuery's columns do not tell `A` from `a`. */
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
