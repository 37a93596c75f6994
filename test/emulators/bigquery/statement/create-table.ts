import { alreadyExists, createdNow, type ForeignKey, type Table, type TableSettings } from '../catalog.ts';
import { BigQueryError, invalidQuery, unsupported } from '../error.ts';
import { type Field, readType } from '../field.ts';
import { resolveTable, storageTable, type TableReference } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { checkFields, createStorage, dropStorage } from '../table-storage.ts';
import { parseOptions } from './options.ts';
import { parsePartitioning } from './partitioning.ts';
import { describeQuery } from './query.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { temporaryStorage } from './target.ts';

interface Definition {
  readonly path: string;
  readonly replace: boolean;
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  /** Undefined if the query after AS defines the columns. */
  readonly fields: readonly Field[] | undefined;
  readonly settings: TableSettings;
  readonly options: string;
  readonly query: string | undefined;
}

/**
 * CREATE [OR REPLACE] [TEMP] TABLE [IF NOT EXISTS] …, with columns, with AS and a query, or with both.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_table_statement
 */
export async function createTable(sql: string, context: StatementContext): Promise<Outcome> {
  const definition = parseDefinition(new Cursor(sql), context);
  const reference = definition.temporary
    ? { projectId: context.defaults.projectId, datasetId: '_SESSION', tableId: definition.path }
    : resolveTable(definition.path, context.defaults);
  if (!definition.temporary) context.checkLocation(reference);
  const before = definition.temporary
    ? context.temporary.get(definition.path.toLowerCase())
    : context.warehouse.catalog.findTable(reference);
  const statementType = definition.query === undefined ? 'CREATE_TABLE' : 'CREATE_TABLE_AS_SELECT';
  if (before && definition.ifNotExists) {
    return { statistics: { statementType, ddlOperationPerformed: 'SKIP' } };
  }
  if (before && !definition.replace) throw alreadyExists('table', reference);
  const made = await make(definition, reference, before, context);
  return { statistics: { statementType, ddlOperationPerformed: made } };
}

async function make(
  definition: Definition,
  reference: TableReference,
  before: Table | undefined,
  context: StatementContext,
): Promise<string> {
  const query = definition.query === undefined ? undefined : context.translation().query(definition.query);
  const fields =
    definition.fields ?? (query ? await describeQuery(query.sql, query.bindings, query.names, context) : []);
  checkFields(fields);
  checkColumns(fields, definition.settings);
  const table: Table = {
    reference,
    type: 'TABLE',
    fields,
    ...createdNow(),
    ...definition.settings,
    ...parseOptions(definition.options),
  };
  const storage = definition.temporary ? temporaryStorage(table) : storageTable(reference);
  const fill = async (): Promise<void> => {
    if (before && definition.temporary) await context.session.run(`drop table if exists ${storage}`);
    else if (before) await dropStorage(context.session, reference);
    await createStorage(
      context.session,
      storage,
      fields,
      defaultTexts(fields, context),
      definition.temporary,
    );
    if (query) await context.session.run(`insert into ${storage} ${query.sql}`, query.bindings);
  };
  if (definition.temporary) {
    await fill();
    context.temporary.set(definition.path.toLowerCase(), table);
  } else {
    try {
      await context.warehouse.catalog.putTable(table, {
        storage: fill,
        session: context.session,
        mustBeNew: !before,
      });
    } catch (error) {
      // Another job created the table after this job looked for it.
      if (!definition.ifNotExists || !(error instanceof BigQueryError) || error.reason !== 'duplicate') {
        throw error;
      }
      return 'SKIP';
    }
  }
  return before ? 'REPLACE' : 'CREATE';
}

/** Returns DuckDB expressions for the column defaults, by lower-case name. */
export function defaultTexts(fields: readonly Field[], context: StatementContext): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { name, defaultValueExpression: expression } of fields) {
    if (expression === undefined) continue;
    if (/\bcurrent_/i.test(expression)) throw unsupported('the current time as a default');
    texts.set(name.toLowerCase(), context.translation(new Map()).expression(expression).sql);
  }
  return texts;
}

function parseDefinition(cursor: Cursor, context: StatementContext): Definition {
  cursor.expect('CREATE');
  const replace = cursor.take('OR', 'REPLACE');
  const temporary = cursor.take('TEMP') || cursor.take('TEMPORARY');
  cursor.expect('TABLE');
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const path = cursor.path();
  const { fields, tableConstraints } = cursor.take('(') ? parseColumns(cursor, context) : {};
  const partitioning = cursor.take('PARTITION', 'BY')
    ? parsePartitioning(cursor.fragmentUntil('CLUSTER', 'OPTIONS', 'AS').text)
    : {};
  const clustering = cursor.take('CLUSTER', 'BY') ? { clustering: { fields: cursor.identifiers() } } : {};
  const options = cursor.take('OPTIONS') ? cursor.parenthesised().text : '';
  const query = cursor.take('AS') ? cursor.fragmentUntil(';').text : undefined;
  if (!cursor.done) throw cursor.unexpected('end of statement');
  if (!fields && query === undefined) throw invalidQuery('CREATE TABLE needs columns or a query');
  const settings = { ...(tableConstraints && { tableConstraints }), ...partitioning, ...clustering };
  return { path, replace, temporary, ifNotExists, fields, settings, options, query };
}

interface Columns {
  readonly fields: readonly Field[];
  readonly tableConstraints?: NonNullable<TableSettings['tableConstraints']>;
}

/** Reads the columns and constraints up to the closing parenthesis. */
function parseColumns(cursor: Cursor, context: StatementContext): Columns {
  const fields: Field[] = [];
  const foreignKeys: ForeignKey[] = [];
  let primaryKey: readonly string[] | undefined;
  while (!cursor.take(')')) {
    const name = cursor.take('CONSTRAINT') ? cursor.identifier() : undefined;
    if (cursor.take('PRIMARY', 'KEY')) primaryKey = parsePrimaryKey(cursor);
    else if (cursor.take('FOREIGN', 'KEY')) foreignKeys.push(parseForeignKey(cursor, name, context));
    else {
      const column = parseColumn(cursor);
      fields.push(column.field);
      if (column.isKey) primaryKey = [column.field.name];
    }
    if (!cursor.sees(')')) cursor.expect(',');
  }
  if (!primaryKey && foreignKeys.length === 0) return { fields };
  return {
    fields,
    tableConstraints: {
      ...(primaryKey && { primaryKey: { columns: primaryKey } }),
      ...(foreignKeys.length > 0 && { foreignKeys }),
    },
  };
}

/**
 * Reads one column with its constraints, for CREATE TABLE and ADD COLUMN.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#column_name_and_column_schema
 */
export function parseColumn(cursor: Cursor): { readonly field: Field; readonly isKey: boolean } {
  const name = cursor.identifier();
  const shape = readType(cursor);
  let field: Field = { name, ...shape };
  let isKey = false;
  for (;;) {
    if (cursor.take('NOT', 'NULL')) {
      field = { ...field, mode: field.mode === 'REPEATED' ? 'REPEATED' : 'REQUIRED' };
    } else if (cursor.take('DEFAULT')) {
      field = {
        ...field,
        defaultValueExpression: cursor.fragmentUntil(',', 'NOT', 'OPTIONS', 'PRIMARY').text,
      };
    } else if (cursor.take('OPTIONS')) {
      const { description } = parseOptions(cursor.parenthesised().text);
      if (description !== undefined) field = { ...field, description };
    } else if (cursor.take('PRIMARY', 'KEY')) {
      cursor.expect('NOT', 'ENFORCED');
      isKey = true;
    } else return { field, isKey };
  }
}

/** Reads the columns after PRIMARY KEY. */
export function parsePrimaryKey(cursor: Cursor): string[] {
  const columns = parseNames(cursor);
  expectNotEnforced(cursor, 'primary key');
  return columns;
}

function parseForeignKey(cursor: Cursor, name: string | undefined, context: StatementContext): ForeignKey {
  const columns = parseNames(cursor);
  cursor.expect('REFERENCES');
  const referencedTable = resolveTable(cursor.path(), context.defaults);
  const referenced = parseNames(cursor);
  expectNotEnforced(cursor, 'foreign key');
  const columnReferences = columns.map((referencingColumn, index) => ({
    referencingColumn,
    referencedColumn: referenced[index] ?? '',
  }));
  return { ...(name !== undefined && { name }), referencedTable, columnReferences };
}

/** https://cloud.google.com/bigquery/docs/primary-foreign-keys */
function expectNotEnforced(cursor: Cursor, what: string): void {
  if (!cursor.take('NOT', 'ENFORCED')) {
    throw invalidQuery(`Enforced ${what} constraints are not supported; use NOT ENFORCED`);
  }
}

function parseNames(cursor: Cursor): string[] {
  cursor.expect('(');
  const names = cursor.identifiers();
  cursor.expect(')');
  return names;
}

/** @throws BigQueryError if keys, partitions or clusters name a missing column or a column of the wrong type. */
export function checkColumns(fields: readonly Field[], settings: TableSettings): void {
  const { timePartitioning, rangePartitioning, clustering, tableConstraints } = settings;
  const find = (name: string, use: string): Field => {
    const field = fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (!field) throw invalidQuery(`The field specified for ${use} cannot be found in the schema: ${name}`);
    return field;
  };
  // https://cloud.google.com/bigquery/docs/partitioned-tables
  const partitioned = timePartitioning?.field ?? rangePartitioning?.field;
  if (partitioned !== undefined) {
    const { type } = find(partitioned, 'partitioning');
    const fits = timePartitioning ? ['DATE', 'TIMESTAMP', 'DATETIME'] : ['INTEGER'];
    if (!fits.includes(type)) {
      throw invalidQuery(`The field ${partitioned} of type ${type} cannot be used for partitioning`);
    }
  }
  // https://cloud.google.com/bigquery/docs/clustered-tables#limitations
  if ((clustering?.fields.length ?? 0) > 4) throw invalidQuery('At most 4 clustering columns are allowed');
  for (const name of clustering?.fields ?? []) {
    const { type, mode } = find(name, 'clustering');
    if (mode === 'REPEATED' || ['JSON', 'FLOAT', 'RECORD', 'BYTES', 'TIME'].includes(type)) {
      throw invalidQuery(`The field ${name} of type ${type} cannot be used for clustering`);
    }
  }
  for (const name of tableConstraints?.primaryKey?.columns ?? []) find(name, 'the primary key');
  for (const key of tableConstraints?.foreignKeys ?? []) {
    for (const { referencingColumn } of key.columnReferences) find(referencingColumn, 'a foreign key');
  }
}
