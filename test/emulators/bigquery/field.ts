import { type DuckDBListType, type DuckDBStructType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { invalid, invalidQuery, unsupported } from './error.ts';
import { Cursor } from './script/cursor.ts';

/**
 * Type names as BigQuery's REST interface writes them.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema
 */
export type FieldType =
  | 'STRING'
  | 'BYTES'
  | 'INTEGER'
  | 'FLOAT'
  | 'NUMERIC'
  | 'BIGNUMERIC'
  | 'BOOLEAN'
  | 'TIMESTAMP'
  | 'DATE'
  | 'TIME'
  | 'DATETIME'
  | 'JSON'
  | 'RECORD';

/** One column, in the form of a TableFieldSchema. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED';
  readonly fields?: readonly Field[];
  readonly description?: string;
  readonly defaultValueExpression?: string;
}

/** The type of a field without its name. */
export type FieldShape = Pick<Field, 'type' | 'mode' | 'fields'>;

// Aliases: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
const CANONICAL: Readonly<Record<string, FieldType>> = {
  BIGDECIMAL: 'BIGNUMERIC',
  BIGINT: 'INTEGER',
  BIGNUMERIC: 'BIGNUMERIC',
  BOOL: 'BOOLEAN',
  BOOLEAN: 'BOOLEAN',
  BYTEINT: 'INTEGER',
  BYTES: 'BYTES',
  DATE: 'DATE',
  DATETIME: 'DATETIME',
  DECIMAL: 'NUMERIC',
  FLOAT: 'FLOAT',
  FLOAT64: 'FLOAT',
  INT: 'INTEGER',
  INT64: 'INTEGER',
  INTEGER: 'INTEGER',
  JSON: 'JSON',
  NUMERIC: 'NUMERIC',
  RECORD: 'RECORD',
  SMALLINT: 'INTEGER',
  STRING: 'STRING',
  STRUCT: 'RECORD',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMP',
  TINYINT: 'INTEGER',
};

/**
 * BIGNUMERIC has more digits than DuckDB's numbers.
 * The emulator stores the floor and the remainder in units of 1e-38, so that stored values compare like the numbers.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types
 */
export const BIGNUMERIC_STORAGE = 'STRUCT("$floor" HUGEINT, "$fraction" HUGEINT)';

const STORAGE: Readonly<Record<Exclude<FieldType, 'RECORD'>, string>> = {
  BIGNUMERIC: BIGNUMERIC_STORAGE,
  BOOLEAN: 'BOOLEAN',
  BYTES: 'BLOB',
  DATE: 'DATE',
  DATETIME: 'TIMESTAMP',
  FLOAT: 'DOUBLE',
  INTEGER: 'BIGINT',
  JSON: 'JSON',
  NUMERIC: 'DECIMAL(38,9)',
  STRING: 'VARCHAR',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMPTZ',
};

/** Converts a type name in GoogleSQL's or REST's spelling to the REST spelling. */
export function fieldType(name: string): FieldType {
  const type = CANONICAL[name.toUpperCase()];
  if (!type) throw invalidQuery(`Type not found: ${name}`);
  return type;
}

export function isTypeName(word: string): boolean {
  return word.toUpperCase() === 'ARRAY' || Object.hasOwn(CANONICAL, word.toUpperCase());
}

/** The DuckDB type that holds values of this shape. */
export function storageType(shape: FieldShape): string {
  const element = shape.type === 'RECORD' ? structType(shape.fields ?? []) : STORAGE[shape.type];
  return shape.mode === 'REPEATED' ? `${element}[]` : element;
}

function structType(fields: readonly Field[]): string {
  return `STRUCT(${fields.map((field) => `${quoted(field.name)} ${storageType(field)}`).join(', ')})`;
}

/** Quotes an identifier for DuckDB. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a string literal for DuckDB. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns the GoogleSQL name of a type: `INT64`, `ARRAY<STRUCT<a INT64>>`. */
export function typeName(shape: FieldShape): string {
  const names: Partial<Record<FieldType, string>> = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL' };
  const fields = shape.fields?.map((field) => `${field.name} ${typeName(field)}`).join(', ');
  const element = shape.type === 'RECORD' ? `STRUCT<${fields}>` : (names[shape.type] ?? shape.type);
  return shape.mode === 'REPEATED' ? `ARRAY<${element}>` : element;
}

/** Parses a GoogleSQL type. */
export function parseType(text: string): FieldShape {
  const cursor = new Cursor(text);
  const shape = readType(cursor);
  if (!cursor.done) throw cursor.unexpected('end of type');
  return shape;
}

/** Reads a type and leaves the cursor before `NOT NULL` or any other token that follows. */
export function readType(cursor: Cursor): FieldShape {
  const name = cursor.identifier().toUpperCase();
  if (name === 'ARRAY') {
    cursor.expect('<');
    const element = readType(cursor);
    cursor.expect('>');
    // https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_type
    if (element.mode === 'REPEATED') throw invalidQuery('Cannot construct array with element type ARRAY');
    return { ...element, mode: 'REPEATED' };
  }
  if (name === 'STRUCT') {
    cursor.expect('<');
    const fields: Field[] = [];
    do fields.push(readField(cursor));
    while (cursor.take(','));
    cursor.expect('>');
    return { type: 'RECORD', mode: 'NULLABLE', fields };
  }
  if (cursor.sees('(')) throw unsupported(`the type parameters of ${name}(…)`);
  return { type: fieldType(name), mode: 'NULLABLE' };
}

/** Reads the name and the type of a struct field. */
export function readField(cursor: Cursor): Field {
  const name = cursor.identifier();
  const shape = readType(cursor);
  if (!cursor.take('NOT', 'NULL')) return { name, ...shape };
  return { name, ...shape, mode: 'REQUIRED' };
}

/** A field as a client sends it. */
export interface SchemaField {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | undefined;
  readonly fields?: readonly SchemaField[] | undefined;
  readonly description?: string | undefined;
  readonly defaultValueExpression?: string | undefined;
}

/** Converts a field as a client sends it to one with canonical type names. */
export function fieldOfSchema(schema: SchemaField): Field {
  const { name, mode = 'NULLABLE', fields, description, defaultValueExpression } = schema;
  const upperMode = mode.toUpperCase();
  if (upperMode !== 'NULLABLE' && upperMode !== 'REQUIRED' && upperMode !== 'REPEATED') {
    throw invalid(`Invalid value for mode: ${mode} is not a valid value`);
  }
  return {
    name,
    type: fieldType(schema.type),
    mode: upperMode,
    ...(fields && { fields: fields.map(fieldOfSchema) }),
    ...(description !== undefined && { description }),
    ...(defaultValueExpression !== undefined && { defaultValueExpression }),
  };
}

/** Returns the BigQuery type for a DuckDB type. @throws BigQueryError for types that BigQuery lacks. */
export function shapeOfStorage(type: DuckDBType): FieldShape {
  const scalar = (fieldType: FieldType): FieldShape => ({ type: fieldType, mode: 'NULLABLE' });
  if (type.toString() === BIGNUMERIC_STORAGE) return scalar('BIGNUMERIC');
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return scalar('BOOLEAN');
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.SQLNULL:
      return scalar('INTEGER');
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      return scalar('FLOAT');
    case DuckDBTypeId.DECIMAL:
      return scalar('NUMERIC');
    case DuckDBTypeId.VARCHAR:
      return scalar(type.alias === 'JSON' ? 'JSON' : 'STRING');
    case DuckDBTypeId.BLOB:
      return scalar('BYTES');
    case DuckDBTypeId.DATE:
      return scalar('DATE');
    case DuckDBTypeId.TIME:
      return scalar('TIME');
    case DuckDBTypeId.TIMESTAMP:
      return scalar('DATETIME');
    case DuckDBTypeId.TIMESTAMP_TZ:
      return scalar('TIMESTAMP');
    case DuckDBTypeId.LIST:
      return { ...shapeOfStorage((type as DuckDBListType).valueType), mode: 'REPEATED' };
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      const fields = entryNames.map((name, index) => {
        const entryType = entryTypes[index];
        if (!entryType) throw new TypeError(`a struct without a type for ${name}`);
        return { name: /^_\d+$/.test(name) ? '' : name, ...shapeOfStorage(entryType) };
      });
      return { type: 'RECORD', mode: 'NULLABLE', fields };
    }
    default:
      throw unsupported(`results of type ${type}`);
  }
}
