import type { Table } from '../catalog.ts';
import { invalidQuery, unsupported } from '../error.ts';
import { type Field, quoted, readType, storageType } from '../field.ts';
import { storageTable } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { addColumn } from '../table-storage.ts';
import { dropKeyVersions } from '../write/key-versions.ts';
import { checkColumns, collated, parseColumn, parsePrimaryKey } from './create-table.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { fieldNamed } from './target.ts';

/**
 * ALTER TABLE name, with one or more actions between commas: ADD COLUMN, ALTER COLUMN … SET DATA TYPE, DROP COLUMN, ADD PRIMARY KEY, DROP PRIMARY
 * KEY; or RENAME TO.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_add_column_statement
 */
export async function alterTable(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('ALTER', 'TABLE');
  let { table } = context.target(cursor.path());
  if (cursor.take('RENAME', 'TO')) await rename(cursor, table, context);
  else {
    do {
      table = await alter(cursor, table, context);
    } while (cursor.take(','));
  }
  if (!cursor.done) throw cursor.unexpected('end of statement');
  return { statistics: { statementType: 'ALTER_TABLE', ddlOperationPerformed: 'ALTER' } };
}

async function alter(cursor: Cursor, table: Table, context: StatementContext): Promise<Table> {
  if (cursor.take('ADD', 'COLUMN')) return await addTo(cursor, table, context);
  if (cursor.take('ALTER', 'COLUMN')) return await widen(cursor, table, context);
  if (cursor.take('DROP', 'COLUMN')) return await dropFrom(cursor, table, context);
  const { primaryKey, ...others } = table.tableConstraints ?? {};
  if (cursor.take('DROP', 'PRIMARY', 'KEY')) return await putKey(table, others, context);
  // https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_add_primary_key_statement
  if (cursor.take('ADD', 'PRIMARY', 'KEY')) {
    if (primaryKey) throw invalidQuery(`Table ${table.reference.tableId} already has a primary key`);
    return await putKey(table, { primaryKey: { columns: parsePrimaryKey(cursor) } }, context);
  }
  throw unsupported(`ALTER TABLE … ${cursor.peek()?.text ?? ''} ${cursor.peek(1)?.text ?? ''}`);
}

/**
 * The new name is that of the table alone. A table cannot be renamed for hours after rows were streamed into it; here it never can.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_rename_to_statement
 */
async function rename(cursor: Cursor, table: Table, { warehouse }: StatementContext): Promise<void> {
  refuseStreamed(table, 'RENAME TO');
  await warehouse.catalog.renameTable(table, { ...table.reference, tableId: cursor.identifier() });
}

function refuseStreamed({ upsertStream, reference }: Table, action: string): void {
  if (upsertStream)
    throw invalidQuery(`ALTER TABLE ${action} is not supported: data is streaming into ${reference.tableId}`);
}

/** A new column cannot be required: https://cloud.google.com/bigquery/docs/managing-table-schemas#add_an_empty_column */
async function addTo(cursor: Cursor, table: Table, { warehouse }: StatementContext): Promise<Table> {
  const skipsDuplicate = cursor.take('IF', 'NOT', 'EXISTS');
  const field = collated(parseColumn(cursor), table.defaultCollation);
  if (table.fields.some(({ name }) => name.toLowerCase() === field.name.toLowerCase())) {
    if (skipsDuplicate) return table;
    throw invalidQuery(`Column already exists: ${field.name}`);
  }
  if (field.mode === 'REQUIRED') {
    throw invalidQuery(`Cannot add required column ${field.name} to an existing table`);
  }
  const changed = { ...table, fields: [...table.fields, field], lastModifiedTime: String(Date.now()) };
  await warehouse.catalog.putTable(changed, {
    storage: (session) => addColumn(session, storageTable(table.reference), field),
  });
  return changed;
}

/** The types to which a type can be widened: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_column_set_data_type_statement */
const WIDER: Partial<Record<Field['type'], readonly Field['type'][]>> = {
  INTEGER: ['NUMERIC', 'BIGNUMERIC', 'FLOAT'],
  NUMERIC: ['BIGNUMERIC', 'FLOAT'],
};

/** Not for hours after rows were streamed into the table; here never. */
async function widen(cursor: Cursor, table: Table, { warehouse }: StatementContext): Promise<Table> {
  refuseStreamed(table, 'ALTER COLUMN SET DATA TYPE');
  const storage = storageTable(table.reference);
  const before = fieldNamed({ table, storage }, cursor.identifier());
  cursor.expect('SET', 'DATA', 'TYPE');
  const { type, mode } = readType(cursor);
  if (mode !== before.mode || (type !== before.type && !WIDER[before.type]?.includes(type))) {
    throw invalidQuery(
      `ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type (${before.type}) is assignable to the new type (${type})`,
    );
  }
  const fields = table.fields.map((field) => (field === before ? { ...before, type } : field));
  checkColumns(fields, table);
  const changed = { ...table, fields, lastModifiedTime: String(Date.now()) };
  const name = quoted(before.name);
  const value = type === 'BIGNUMERIC' ? `bq_bignumeric(${name})` : name;
  await warehouse.catalog.putTable(changed, {
    storage: (session) =>
      session.run(
        `alter table ${storage} alter column ${name} type ${storageType({ type, mode })} using ${value}`,
      ),
  });
  return changed;
}

/**
 * A column of the key, the partitions or the clusters cannot be dropped.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_drop_column_statement
 */
async function dropFrom(cursor: Cursor, table: Table, { warehouse }: StatementContext): Promise<Table> {
  const storage = storageTable(table.reference);
  const dropped = fieldNamed({ table, storage }, cursor.identifier());
  const fields = table.fields.filter((field) => field !== dropped);
  checkColumns(fields, table);
  const changed = { ...table, fields, lastModifiedTime: String(Date.now()) };
  await warehouse.catalog.putTable(changed, {
    storage: (session) => session.run(`alter table ${storage} drop column ${quoted(dropped.name)}`),
  });
  return changed;
}

/** The changes that an upsert stream remembers belong to the old key, so they are forgotten [not documented]. */
async function putKey(
  table: Table,
  tableConstraints: NonNullable<Table['tableConstraints']>,
  { warehouse }: StatementContext,
): Promise<Table> {
  const changed = { ...table, tableConstraints, lastModifiedTime: String(Date.now()) };
  checkColumns(changed.fields, changed);
  await warehouse.catalog.putTable(changed, {
    storage: (session) => dropKeyVersions(session, table.reference),
  });
  return changed;
}
