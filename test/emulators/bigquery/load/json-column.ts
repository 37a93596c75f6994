import { type Field, literal, storageType } from '../field.ts';

/** DuckDB's expressions for one column of a JSON row. `raw` is an expression for the JSON text of the field: NULL if it is missing or null. */
export interface JsonColumn {
  /** The value, or NULL if the text is no value of the type. */
  readonly value: string;
  /** Is the text a value of the type, or missing from a column that allows it? Never NULL. */
  readonly fits: string;
}

const DATE = '\\d{4}-\\d{1,2}-\\d{1,2}';
const TIME = '([01]?\\d|2[0-3]):[0-5]?\\d:[0-5]?\\d(\\.\\d{0,6})?';
const ZONE = '( ?UTC|Z|z| ?[+-]\\d{1,2}(:?\\d{2})?| [A-Za-z]+/[A-Za-z_/]+)?';

/**
 * The form of the text of a value: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#details_of_loading_json_data
 * DuckDB itself would also accept `1_000`, `infinity` and an incomplete date.
 */
const PATTERNS: Partial<Record<Field['type'], string>> = {
  INTEGER: '-?\\d+',
  FLOAT: '-?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?|NaN|-?Infinity',
  NUMERIC: '-?\\d+(\\.\\d{1,9}0*)?',
  BIGNUMERIC: '-?\\d{1,38}(\\.\\d{1,38})?',
  BOOLEAN: '(?i)true|false',
  DATE,
  DATETIME: `${DATE}([ Tt]${TIME})?`,
  TIME,
  TIMESTAMP: `${DATE}([ Tt]${TIME})?${ZONE}`,
};

/** `line` is an expression for the JSON text of the whole row. */
export function jsonColumn(field: Field, raw: string, line: string): JsonColumn {
  const column = field.mode === 'REPEATED' ? repeated(field, raw) : single(field, raw, line);
  if (field.mode !== 'REQUIRED') return column;
  return { ...column, fits: `(${raw} is not null and ${column.fits})` };
}

function single(field: Field, raw: string, line?: string): JsonColumn {
  if (field.type === 'JSON') return { value: raw, fits: 'true' };
  const text = field.type.endsWith('NUMERIC') ? exactText(field, raw, line) : `bq_json_text(${raw})`;
  if (field.type === 'STRING') {
    return {
      value: text,
      fits: `coalesce(not (starts_with(${raw}::varchar, '{') or starts_with(${raw}::varchar, '[')), true)`,
    };
  }
  const { value, isValue } = fromText(field, text);
  return { value, fits: `(${raw} is null or ${isValue})` };
}

/** The value of a text, and whether it is a value of the column's type. Both are NULL if the text is NULL. */
export function fromText(field: Field, text: string): { readonly value: string; readonly isValue: string } {
  const value = cast(field, text);
  const pattern = PATTERNS[field.type];
  const looks = pattern === undefined ? 'true' : `regexp_full_match(${text}, ${literal(pattern)})`;
  return { value, isValue: `(${looks} and ${value} is not null)` };
}

function cast(field: Field, text: string): string {
  switch (field.type) {
    case 'BYTES':
      return `try(from_base64(${text}))`;
    case 'BIGNUMERIC':
      return `bq_safe_bignumeric(${text})`;
    case 'NUMERIC':
      // DuckDB reads short decimals twenty times as fast as long ones.
      return `coalesce(try_cast(${text} as decimal(18,9))::decimal(38,9), try_cast(${text} as decimal(38,9)))`;
    case 'DATE':
    case 'DATETIME':
    case 'TIMESTAMP':
      // DuckDB accepts the year 0, before BigQuery's first: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#date_type
      return `try_cast(nullif(${text}, '0000' || substr(${text}, 5)) as ${storageType(field)})`;
    default:
      return `try_cast(${text} as ${storageType(field)})`;
  }
}

/**
 * The digits of a number as they are written. DuckDB's JSON functions round numbers to 64 bits, so a number (not a string) is found again
 * in the text of the row, and taken from there if it is the same number.
 */
function exactText(field: Field, raw: string, line: string | undefined): string {
  const text = `bq_json_text(${raw})`;
  if (line === undefined) {
    return `case when length(${text}) <= 15 or starts_with(${raw}::varchar, '"') then ${text} end`;
  }
  const pattern = literal(`"${field.name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}"\\s*:\\s*(-?[0-9.eE+-]+)`);
  const written = `regexp_extract(${line}::varchar, ${pattern}, 1)`;
  const same = `try_cast(${written} as double) = try_cast(${text} as double)`;
  return `case when starts_with(${raw}::varchar, '"') or length(${text}) <= 15 then ${text} when ${same} then ${written} end`;
}

function repeated(field: Field, raw: string): JsonColumn {
  const element = single({ ...field, mode: 'NULLABLE' }, 'e');
  const list = `try(from_json(${raw}, '["JSON"]'))`;
  const allFit = `list_transform(${list}, lambda e: e is not null and ${element.fits})`;
  return {
    value: `case when ${raw} is null then [] else list_transform(${list}, lambda e: ${element.value}) end`,
    fits: `(${raw} is null or (starts_with(${raw}::varchar, '[') and coalesce(list_bool_and(${allFit}), true)))`,
  };
}

/** DuckDB's structure that takes a JSON object apart and keeps its values as JSON texts. */
export function rawStructure(fields: readonly Field[]): string {
  return literal(JSON.stringify(Object.fromEntries(fields.map(({ name }) => [name, 'JSON']))));
}

/** Is the JSON text an object with no other keys than these? */
export function onlyKnownKeys(fields: readonly Field[], object: string): string {
  return `(starts_with(ltrim(${object}::varchar), '{') and ${areKnown(fields, `json_keys(${object})`)})`;
}

/** Is every element of DuckDB's list the name of a field? */
export function areKnown(fields: readonly Field[], keys: string): string {
  return `list_has_all([${fields.map(({ name }) => literal(name)).join(', ')}], ${keys})`;
}
