import { type DuckDBListType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { invalidQuery, unsupported } from './error.ts';
import { Cursor } from './script/cursor.ts';

/** The types of columns, as the REST interface writes them. STRUCT is not supported. */
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
  | 'JSON';

/** A column: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED';
  readonly description?: string;
  /** At most one policy tag: https://cloud.google.com/bigquery/docs/column-level-security-intro */
  readonly policyTags?: { readonly names: readonly string[] };
  /** Kept, but without effect: comparisons always tell upper from lower case. */
  readonly collation?: string;
}

/** A type without a name. */
export type FieldShape = Pick<Field, 'type' | 'mode'>;

/** The names of types in GoogleSQL: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types */
const CANONICAL: ReadonlyMap<string, FieldType> = new Map(
  Object.entries<FieldType>({
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
    FLOAT64: 'FLOAT',
    INT: 'INTEGER',
    INT64: 'INTEGER',
    INTEGER: 'INTEGER',
    JSON: 'JSON',
    NUMERIC: 'NUMERIC',
    SMALLINT: 'INTEGER',
    STRING: 'STRING',
    TIME: 'TIME',
    TIMESTAMP: 'TIMESTAMP',
    TINYINT: 'INTEGER',
  }),
);

/**
 * A BIGNUMERIC has more digits than a number of DuckDB. It is stored as its floor and the rest above the floor, in units of 1e-38, so that
 * stored values compare like the numbers.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types
 */
export const BIGNUMERIC_STORAGE = 'STRUCT("$floor" HUGEINT, "$fraction" HUGEINT)';

const STORAGE: Readonly<Record<FieldType, string>> = {
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

/** The type of this name in GoogleSQL. */
export function fieldType(name: string): FieldType {
  if (/^(STRUCT|RECORD)$/i.test(name)) throw unsupported('STRUCT columns');
  const type = CANONICAL.get(name.toUpperCase());
  if (!type) throw invalidQuery(`Type not found: ${name}`);
  return type;
}

/** Does the word behind AS name a type, as in CAST (… AS DATE) and SELECT AS STRUCT? */
export function isTypeName(word: string): boolean {
  const name = word.toUpperCase();
  return name === 'ARRAY' || name === 'STRUCT' || CANONICAL.has(name);
}

/** The DuckDB type for values of this shape. */
export function storageType(shape: FieldShape): string {
  const element = STORAGE[shape.type];
  return shape.mode === 'REPEATED' ? `${element}[]` : element;
}

/** A quoted identifier of DuckDB. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string literal of DuckDB. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The name of a type in GoogleSQL: `INT64`, `ARRAY<STRING>`. */
export function typeName(shape: FieldShape): string {
  const names: Partial<Record<FieldType, string>> = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL' };
  const element = names[shape.type] ?? shape.type;
  return shape.mode === 'REPEATED' ? `ARRAY<${element}>` : element;
}

/** The shape of a type that is written in GoogleSQL. */
export function parseType(text: string): FieldShape {
  const cursor = new Cursor(text);
  const shape = readType(cursor);
  if (!cursor.done) throw cursor.unexpected('end of type');
  return shape;
}

/** Reads a type, without `NOT NULL` and other constraints behind it. */
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
  if (cursor.sees('(')) throw unsupported(`the type parameters of ${name}(…)`);
  return { type: fieldType(name), mode: 'NULLABLE' };
}

/** The BigQuery type of a column that a DuckDB query returns. @throws BigQueryError for types without a counterpart. */
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
    default:
      throw unsupported(`results of type ${type}`);
  }
}
