import { createdNow, type Table } from '../catalog.ts';
import { BigQueryError, invalid, invalidQuery, unsupported } from '../error.ts';
import { quoted } from '../field.ts';
import { resolveName, resolveRoutine, resolveTable, storageTable } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { addColumn } from '../table-storage.ts';
import { checkColumns, defaultTexts, parseColumn, parsePrimaryKey } from './create-table.ts';
import { parseOptions } from './options.ts';
import { describeQuery } from './query.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { fieldNamed, temporaryStorage } from './target.ts';

/** CREATE SCHEMA [IF NOT EXISTS] name [OPTIONS (…)] */
export async function createSchema(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('CREATE', 'SCHEMA');
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const parts = cursor.path().split('.');
  const datasetId = parts.pop() ?? '';
  const reference = { projectId: parts.join('.') || context.defaults.projectId, datasetId };
  const { location = context.location, ...options } = parseOptions(
    cursor.take('OPTIONS') ? cursor.parenthesised().text : '',
  );
  return await skippingDuplicate('CREATE_SCHEMA', ifNotExists, () =>
    context.warehouse.catalog.createDataset({ reference, location, ...createdNow(), ...options }),
  );
}

/** CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name [OPTIONS (…)] AS query */
export async function createView(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('CREATE');
  const replace = cursor.take('OR', 'REPLACE');
  cursor.expect('VIEW');
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const reference = resolveTable(cursor.path(), context.defaults);
  if (cursor.sees('(')) throw unsupported('a view with a list of columns');
  const options = parseOptions(cursor.take('OPTIONS') ? cursor.parenthesised().text : '');
  cursor.expect('AS');
  const viewQuery = cursor.fragmentUntil(';').text;
  context.checkLocation(reference);
  const before = context.warehouse.catalog.findTable(reference);
  if (before?.type === 'TABLE' && replace) throw invalid(`${reference.tableId} is not a view`);
  // The catalog also refuses it, but a view that is there already need not have a query that can be read.
  if (before && ifNotExists)
    return { statistics: { statementType: 'CREATE_VIEW', ddlOperationPerformed: 'SKIP' } };
  const { sql: translated, bindings, names } = context.translation(new Map()).query(viewQuery);
  const fields = await describeQuery(translated, bindings, names, context);
  const view: Table = { reference, type: 'VIEW', fields, viewQuery, ...createdNow(), ...options };
  return await skippingDuplicate('CREATE_VIEW', ifNotExists, () =>
    context.warehouse.catalog.putTable(view, { mustBeNew: !replace }),
  );
}

/** DROP TABLE | VIEW | PROCEDURE | SCHEMA [IF EXISTS] name */
export async function drop(sql: string, context: StatementContext): Promise<Outcome> {
  const { catalog } = context.warehouse;
  const cursor = new Cursor(sql);
  cursor.expect('DROP');
  const what = cursor.next().keyword;
  const ifExists = cursor.take('IF', 'EXISTS');
  const path = cursor.path();
  const statementType = `DROP_${what}`;
  const done = (operation: string): Outcome => ({
    statistics: { statementType, ddlOperationPerformed: operation },
  });
  const temporary = what === 'TABLE' ? context.temporary.get(path.toLowerCase()) : undefined;
  if (temporary) {
    await context.session.run(`drop table ${temporaryStorage(temporary)}`);
    context.temporary.delete(path.toLowerCase());
    return done('DROP');
  }
  if (what === 'TABLE' || what === 'VIEW') {
    const reference = resolveTable(path, context.defaults);
    const found = catalog.findTable(reference);
    if (!found && ifExists) return done('SKIP');
    if (found && found.type !== what) throw invalidQuery(`${path} is not a ${what.toLowerCase()}`);
    await catalog.deleteTable(reference);
  } else if (what === 'PROCEDURE') {
    const reference = resolveRoutine(path, context.defaults);
    if (!catalog.findRoutine(reference) && ifExists) return done('SKIP');
    await catalog.deleteRoutine(reference);
  } else if (what === 'SCHEMA') {
    const { projectId, datasetId } = resolveName(`${path}._`, context.defaults);
    if (!catalog.findDataset({ projectId, datasetId }) && ifExists) return done('SKIP');
    await catalog.deleteDataset({ projectId, datasetId }, cursor.take('CASCADE'));
  } else throw unsupported(`DROP ${what}`);
  return done('DROP');
}

/** ALTER TABLE [IF EXISTS] name, with one or more actions between commas. */
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
    if (field.mode === 'REQUIRED')
      throw invalidQuery(`Cannot add required column ${field.name} to an existing table`);
    const changed: Table = { ...table, fields: [...table.fields, field], lastModifiedTime };
    const text = defaultTexts([field], context).get(field.name.toLowerCase());
    await catalog.putTable(changed, { storage: (session) => addColumn(session, storage, field, text) });
    return changed;
  }
  if (cursor.take('DROP', 'COLUMN')) {
    const ifExists = cursor.take('IF', 'EXISTS');
    const name = cursor.identifier();
    if (ifExists && !table.fields.some((field) => field.name.toLowerCase() === name.toLowerCase()))
      return table;
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
  await catalog.putTable(changed);
  return changed;
}

/** Actions that leave the rows alone. */
function alteredSettings(cursor: Cursor, table: Table): Partial<Table> {
  if (cursor.take('SET', 'OPTIONS')) return parseOptions(cursor.parenthesised().text);
  if (cursor.take('ADD', 'PRIMARY', 'KEY')) {
    if (table.tableConstraints?.primaryKey)
      throw invalidQuery(`Table ${table.reference.tableId} already has a primary key`);
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

/** Creates, unless it is there and the statement says IF NOT EXISTS. */
export async function skippingDuplicate(
  statementType: string,
  skip: boolean,
  create: () => Promise<void>,
): Promise<Outcome> {
  try {
    await create();
    return { statistics: { statementType, ddlOperationPerformed: 'CREATE' } };
  } catch (error) {
    if (!skip || !(error instanceof BigQueryError) || error.reason !== 'duplicate') throw error;
    return { statistics: { statementType, ddlOperationPerformed: 'SKIP' } };
  }
}
