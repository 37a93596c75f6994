import type { Table } from '../catalog.ts';
import type { Field } from '../field.ts';
import { type ConvertedColumn, convert, streamable } from './column-conversion.ts';
import { PROTO_TYPES, type ProtoType } from './proto-type.ts';
import { invalidArgument, unimplemented } from './write-error.ts';
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

export type FieldTarget = number | 'changeType' | 'sequenceNumber';

const PSEUDO_COLUMNS: Readonly<Record<string, FieldTarget>> = {
  _CHANGE_TYPE: 'changeType',
  _CHANGE_SEQUENCE_NUMBER: 'sequenceNumber',
};

/**
 * Columns whose missing values become their defaults are named in lower case.
 * @throws WriteError INVALID_ARGUMENT where the descriptor does not fit the table, in BigQuery's words.
 */
export function rowFormat(
  descriptor: RowDescriptor,
  table: Table,
  takesDefault: (column: string) => boolean,
): RowFormat {
  if (table.type !== 'TABLE') throw invalidArgument('Rows can be appended to tables only, not to a view');
  const fields = new Map<number, { field: RowField; target: FieldTarget }>();
  const columns: RowColumn[] = [];
  for (const each of descriptor.field) {
    const pseudo = PSEUDO_COLUMNS[each.name.toUpperCase()];
    if (pseudo !== undefined) {
      fields.set(each.number, { field: pseudoField(each, descriptor), target: pseudo });
    } else {
      const column = rowColumn(each, descriptor, table, `c${columns.length}`, takesDefault);
      fields.set(each.number, { field: column, target: columns.length });
      columns.push(column);
    }
  }
  checkRequired(columns, table);
  return { table, columns, fields, key: keyOf([...fields.values()], columns, table) };
}

function pseudoField(descriptor: FieldDescriptor, row: RowDescriptor): RowField {
  const { name, label } = descriptor;
  const type = PROTO_TYPES[descriptor.type];
  if (type?.name !== 'string' || label === 'LABEL_REPEATED') {
    throw mismatch(row, descriptor, 'STRING');
  }
  return { name, type, repeated: false, required: false };
}

function rowColumn(
  descriptor: FieldDescriptor,
  row: RowDescriptor,
  table: Table,
  staged: string,
  takesDefault: (column: string) => boolean,
): RowColumn {
  const name = descriptor.options?.['.google.cloud.bigquery.storage.v1.columnName'] || descriptor.name;
  const field = table.fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (!field) {
    throw invalidArgument(`The input schema has more fields than BigQuery schema, extra fields: '${name}'`);
  }
  if (field.type === 'RECORD') throw unimplemented(`RECORD columns in the Write API (${name})`);
  const repeated = descriptor.label === 'LABEL_REPEATED';
  const type = PROTO_TYPES[descriptor.type];
  const converted = type && convert(field, type, staged);
  if (!converted || repeated !== (field.mode === 'REPEATED')) {
    throw mismatch(row, descriptor, field.mode === 'REPEATED' ? `REPEATED ${field.type}` : field.type);
  }
  const withDefault = field.defaultValueExpression !== undefined && takesDefault(field.name.toLowerCase());
  const inWindow = streamable(field, converted.value, table);
  return {
    name,
    type,
    repeated,
    required: descriptor.label === 'LABEL_REQUIRED' || (field.mode === 'REQUIRED' && !withDefault),
    field,
    staged,
    takesDefault: withDefault,
    value: converted.value,
    fits:
      inWindow === undefined
        ? converted.fits
        : `(case when ${converted.fits} then ${inWindow} else false end)`,
  };
}

function checkRequired(columns: readonly RowColumn[], table: Table): void {
  const given = new Set(columns.map(({ field }) => field));
  const missing = table.fields.find(
    (field) => field.mode === 'REQUIRED' && !given.has(field) && field.defaultValueExpression === undefined,
  );
  if (missing) {
    throw invalidArgument(
      `The input schema is missing the required field '${missing.name}' of the BigQuery schema`,
    );
  }
}

function keyOf(
  fields: readonly { readonly target: FieldTarget }[],
  columns: readonly RowColumn[],
  table: Table,
): readonly string[] | undefined {
  const has = (wanted: FieldTarget) => fields.some(({ target }) => target === wanted);
  if (!has('changeType')) {
    if (has('sequenceNumber')) throw invalidArgument('_CHANGE_SEQUENCE_NUMBER needs the field _CHANGE_TYPE');
    return undefined;
  }
  const key = table.tableConstraints?.primaryKey?.columns ?? [];
  if (key.length === 0) {
    throw invalidArgument('_CHANGE_TYPE needs a table with a primary key, and this one has none');
  }
  return key.map((name) => {
    const column = columns.find(({ field }) => field.name.toLowerCase() === name.toLowerCase());
    if (!column) throw invalidArgument(`The input schema is missing the primary key column '${name}'`);
    return column.field.name;
  });
}

function mismatch(row: RowDescriptor, { name, type }: FieldDescriptor, columnType: string) {
  const protoType = type.replace('TYPE_', '').toLowerCase();
  return invalidArgument(
    `The proto field mismatched with BigQuery field at ${row.name}.${name}, the proto field type ${protoType}, BigQuery field type ${columnType}`,
  );
}
