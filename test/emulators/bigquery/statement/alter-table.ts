import type { Table } from '../catalog.ts';
import { invalidQuery, unsupported } from '../error.ts';
import { quoted } from '../field.ts';
import { resolveTable, storageTable } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { addColumn } from '../table-storage.ts';
import { dropKeyVersions } from '../write/key-versions.ts';
import { checkColumns, defaultTexts, parseColumn, parsePrimaryKey } from './create-table.ts';
import { parseOptions } from './options.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { fieldNamed } from './target.ts';

/**
 * ALTER TABLE [IF EXISTS] name, with one or more actions separated by commas.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_add_column_statement
 */
export async function alterTable(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('ALTER', 'TABLE');
  const ifExists = cursor.take('IF', 'EXISTS');
  const path = cursor.path();
  const reference = resolveTable(path, context.defaults);
  const statistics = { statementType: 'ALTER_TABLE', ddlOperationPerformed: 'ALTER' };
  if (ifExists && !context.warehouse.catalog.findTable(reference)) {
    return { statistics: { ...statistics, ddlOperationPerformed: 'SKIP' } };
  }
  let table = context.target(path).table;
  do {
    table = await alter(cursor, table, context);
  } while (cursor.take(','));
  if (!cursor.done) throw cursor.unexpected('end of statement');
  return { statistics };
}

async function alter(cursor: Cursor, table: Table, context: StatementContext): Promise<Table> {
  const { catalog } = context.warehouse;
  const storage = storageTable(table.reference);
  const lastModifiedTime = String(Date.now());
  if (cursor.take('ADD', 'COLUMN')) {
    const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
    const { field } = parseColumn(cursor);
    if (table.fields.some(({ name }) => name.toLowerCase() === field.name.toLowerCase())) {
      if (ifNotExists) return table;
      throw invalidQuery(`Column already exists: ${field.name}`);
    }
    // https://cloud.google.com/bigquery/docs/managing-table-schemas
    if (field.mode === 'REQUIRED') {
      throw invalidQuery(`Cannot add required column ${field.name} to an existing table`);
    }
    const changed: Table = { ...table, fields: [...table.fields, field], lastModifiedTime };
    const text = defaultTexts([field], context).get(field.name.toLowerCase());
    await catalog.putTable(changed, { storage: (session) => addColumn(session, storage, field, text) });
    return changed;
  }
  if (cursor.take('DROP', 'COLUMN')) {
    const ifExists = cursor.take('IF', 'EXISTS');
    const name = cursor.identifier();
    if (ifExists && !table.fields.some((field) => field.name.toLowerCase() === name.toLowerCase())) {
      return table;
    }
    const field = fieldNamed({ table, storage, temporary: false }, name);
    const changed = { ...table, fields: table.fields.filter((each) => each !== field), lastModifiedTime };
    checkColumns(changed.fields, table);
    await catalog.putTable(changed, {
      storage: (session) => session.run(`alter table ${storage} drop column ${quoted(field.name)}`),
    });
    return changed;
  }
  const changed = { ...table, ...alteredSettings(cursor, table), lastModifiedTime };
  checkColumns(changed.fields, changed);
  const otherKey = changed.tableConstraints !== table.tableConstraints;
  await catalog.putTable(changed, {
    // The stored versions belong to the old key.
    ...(otherKey && { storage: (session) => dropKeyVersions(session, table.reference) }),
  });
  return changed;
}

/**
 * Reads an action that leaves the rows unchanged.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_add_primary_key_statement
 */
function alteredSettings(cursor: Cursor, table: Table): Partial<Table> {
  if (cursor.take('SET', 'OPTIONS')) return parseOptions(cursor.parenthesised().text);
  if (cursor.take('ADD', 'PRIMARY', 'KEY')) {
    if (table.tableConstraints?.primaryKey) {
      throw invalidQuery(`Table ${table.reference.tableId} already has a primary key`);
    }
    return {
      tableConstraints: { ...table.tableConstraints, primaryKey: { columns: parsePrimaryKey(cursor) } },
    };
  }
  if (cursor.take('DROP', 'PRIMARY', 'KEY')) {
    cursor.take('IF', 'EXISTS');
    const { primaryKey: _, ...others } = table.tableConstraints ?? {};
    return { tableConstraints: others };
  }
  throw unsupported(`ALTER TABLE … ${cursor.peek()?.text ?? ''} ${cursor.peek(1)?.text ?? ''}`);
}
