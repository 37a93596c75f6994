import type { Session } from './engine.ts';
import { invalid } from './error.ts';
import { type Field, quoted, storageType } from './field.ts';
import { storageTable, storageTableName, type TableReference } from './names.ts';
import { dropKeyVersions } from './write/key-versions.ts';

/** Creates the table of DuckDB for rows of these fields. */
export async function createStorage(
  session: Session,
  storage: string,
  fields: readonly Field[],
): Promise<void> {
  const columns = fields.map((field) => `${quoted(field.name)} ${columnType(field)}`);
  await session.run(`create table ${storage} (${columns.join(', ')})`);
}

/** Removes the rows of a table, and what its upsert stream remembers. Safe to repeat. */
export async function dropStorage(session: Session, reference: TableReference): Promise<void> {
  await session.run(`drop table if exists ${storageTable(reference)}`);
  await dropKeyVersions(session, reference);
}

/** Gives the table of DuckDB another name in its schema. */
export async function renameStorage(
  session: Session,
  before: TableReference,
  after: TableReference,
): Promise<void> {
  await session.run(`alter table ${storageTable(before)} rename to ${storageTableName(after)}`);
}

/** The rows that exist get NULL in the new column. */
export async function addColumn(session: Session, storage: string, field: Field): Promise<void> {
  await session.run(`alter table ${storage} add column ${quoted(field.name)} ${storageType(field)}`);
}

/** An absent array is an empty one: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls */
function columnType(field: Field): string {
  const constraint = field.mode === 'REQUIRED' ? ' not null' : field.mode === 'REPEATED' ? ' default []' : '';
  return `${storageType(field)}${constraint}`;
}

/** @throws BigQueryError for names that BigQuery refuses: https://cloud.google.com/bigquery/docs/schemas#column_names */
export function checkFields(fields: readonly Field[]): void {
  const names = new Set<string>();
  for (const { name } of fields) {
    if (!/^[\p{L}\p{N}\p{M}_&%=+:'<>#| -]{1,300}$/u.test(name)) {
      throw invalid(
        `Invalid field name "${name}". Fields must contain the allowed characters, and be at most 300 characters long.`,
      );
    }
    if (names.has(name.toLowerCase())) throw invalid(`Duplicate field name: ${name}`);
    names.add(name.toLowerCase());
  }
}

/** The rows of a table and their logical bytes: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes */
export async function measure(
  session: Session,
  storage: string,
  fields: readonly Field[],
): Promise<{ rows: bigint; bytes: bigint }> {
  const sizes = fields.map((field) => size(field, quoted(field.name)));
  const { rows } = await session.query(
    `select count(*), coalesce(sum(${sizes.join(' + ') || '0'}), 0)::bigint from ${storage}`,
  );
  const [[count, bytes] = []] = rows;
  return { rows: BigInt(String(count)), bytes: BigInt(String(bytes)) };
}

const FIXED_BYTES: Partial<Record<Field['type'], number>> = { BOOLEAN: 1, NUMERIC: 16, BIGNUMERIC: 32 };

function size(field: Field, column: string): string {
  if (field.mode === 'REPEATED' || field.type === 'JSON') {
    return `coalesce(strlen(to_json(${column})::varchar), 0)`;
  }
  if (field.type === 'STRING') return `coalesce(2 + strlen(${column}), 0)`;
  if (field.type === 'BYTES') return `coalesce(2 + octet_length(${column}), 0)`;
  return `case when ${column} is null then 0 else ${FIXED_BYTES[field.type] ?? 8} end`;
}
