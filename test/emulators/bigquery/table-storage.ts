import type { Session } from './engine.ts';
import { invalid } from './error.ts';
import { type Field, quoted, storageType } from './field.ts';
import { storageTable, type TableReference } from './names.ts';
import { dropKeyVersions } from './write/key-versions.ts';

/** Creates the DuckDB table for rows with these fields. `defaults` holds DuckDB expressions by lower-case column name. */
export async function createStorage(
  session: Session,
  storage: string,
  fields: readonly Field[],
  defaults: ReadonlyMap<string, string> = new Map(),
  temporary = false,
): Promise<void> {
  const columns = fields.map(
    (field) => `${quoted(field.name)} ${columnType(field)}${defaultClause(field, defaults)}`,
  );
  await session.run(`create ${temporary ? 'temporary ' : ''}table ${storage} (${columns.join(', ')})`);
}

/** Drops the DuckDB table and the key versions of an upsert stream. No effect if the table does not exist. */
export async function dropStorage(session: Session, reference: TableReference): Promise<void> {
  await session.run(`drop table if exists ${storageTable(reference)}`);
  await dropKeyVersions(session, reference);
}

export async function addColumn(
  session: Session,
  storage: string,
  field: Field,
  defaultText?: string,
): Promise<void> {
  const clause = defaultText === undefined ? '' : ` default ${defaultText}`;
  await session.run(`alter table ${storage} add column ${quoted(field.name)} ${storageType(field)}`);
  if (clause) await session.run(`alter table ${storage} alter column ${quoted(field.name)} set${clause}`);
}

function columnType(field: Field): string {
  return `${storageType(field)}${field.mode === 'REQUIRED' ? ' not null' : ''}`;
}

function defaultClause(field: Field, defaults: ReadonlyMap<string, string>): string {
  const text = defaults.get(field.name.toLowerCase()) ?? (field.mode === 'REPEATED' ? '[]' : undefined);
  return text === undefined ? '' : ` default ${text}`;
}

/** @throws BigQueryError for a schema that BigQuery would refuse: https://cloud.google.com/bigquery/docs/schemas#column_names */
export function checkFields(fields: readonly Field[]): void {
  const names = new Set<string>();
  for (const { name, fields: nested } of fields) {
    if (!/^[\p{L}\p{N}\p{M}_&%=+:'<>#| -]{1,300}$/u.test(name)) {
      throw invalid(
        `Invalid field name "${name}". Fields must contain the allowed characters, and be at most 300 characters long.`,
      );
    }
    if (names.has(name.toLowerCase())) throw invalid(`Duplicate field name: ${name}`);
    names.add(name.toLowerCase());
    if (nested) checkFields(nested);
  }
}

/**
 * Returns the rows and the logical bytes. A number or a time takes 8 bytes, text takes its length.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
 */
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
  if (field.mode === 'REPEATED' || field.type === 'RECORD' || field.type === 'JSON') {
    return `coalesce(strlen(to_json(${column})::varchar), 0)`;
  }
  if (field.type === 'STRING') return `coalesce(2 + strlen(${column}), 0)`;
  if (field.type === 'BYTES') return `coalesce(2 + octet_length(${column}), 0)`;
  return `case when ${column} is null then 0 else ${FIXED_BYTES[field.type] ?? 8} end`;
}
