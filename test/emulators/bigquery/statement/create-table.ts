import { alreadyExists, createdNow, type Dataset, type Table, type TableSettings } from '../catalog.ts';
import { BigQueryError, invalidQuery } from '../error.ts';
import { type Field, type FieldType, readType } from '../field.ts';
import { resolveTable, storageTable, type TableReference } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { checkFields, createStorage, dropStorage } from '../table-storage.ts';
import { parseOptions } from './options.ts';
import { parsePartitioning } from './partitioning.ts';
import { preparePast } from './past-tables.ts';
import { describeQuery } from './query.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

interface Definition {
  readonly path: string;
  readonly replace: boolean;
  readonly ifNotExists: boolean;
  /** Undefined if the query behind AS defines the columns. */
  readonly fields: readonly Field[] | undefined;
  readonly settings: TableSettings;
  readonly query: string | undefined;
}

/**
 * CREATE [OR REPLACE] TABLE [IF NOT EXISTS] …, with columns or AS a query, or both.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_table_statement
 */
export async function createTable(sql: string, context: StatementContext): Promise<Outcome> {
  const definition = parseDefinition(new Cursor(sql));
  const reference = resolveTable(definition.path, context.defaults);
  context.checkLocation(reference);
  const before = context.warehouse.catalog.findTable(reference);
  const statementType = definition.query === undefined ? 'CREATE_TABLE' : 'CREATE_TABLE_AS_SELECT';
  if (before && definition.ifNotExists) {
    return { statistics: { statementType, ddlOperationPerformed: 'SKIP' } };
  }
  if (before && !definition.replace) throw alreadyExists('table', reference);
  if (before) checkSameLayout(before, definition.settings);
  const made = await make(definition, reference, before, context);
  return { statistics: { statementType, ddlOperationPerformed: made } };
}

/**
 * OR REPLACE keeps how a table is partitioned and clustered.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_table_statement; clustering is [not
 * documented], seen in messages that users published.
 */
function checkSameLayout(before: Table, { timePartitioning, clustering }: TableSettings): void {
  const specs = [
    ['partitioning', before.timePartitioning, timePartitioning],
    ['clustering', before.clustering, clustering],
  ] as const;
  for (const [what, present, wanted] of specs) {
    if (JSON.stringify(present) === JSON.stringify(wanted)) continue;
    throw invalidQuery(
      `Cannot replace a table with a different ${what} spec. Instead, DROP the table, and then recreate it.`,
    );
  }
}

async function make(
  definition: Definition,
  reference: TableReference,
  before: Table | undefined,
  context: StatementContext,
): Promise<string> {
  const query =
    definition.query === undefined
      ? undefined
      : context.translation().query(await preparePast(definition.query, context));
  const fields =
    definition.fields ?? (query ? await describeQuery(query.sql, query.bindings, query.names, context) : []);
  checkFields(fields);
  checkColumns(fields, definition.settings);
  if (context.isDryRun) return before ? 'REPLACE' : 'CREATE';
  const table: Table = withDefaults(
    { reference, type: 'TABLE', fields, ...createdNow(), ...definition.settings },
    context.warehouse.catalog.dataset(reference),
  );
  const storage = storageTable(reference);
  const fill = async (): Promise<void> => {
    if (before) await dropStorage(context.session, reference);
    await createStorage(context.session, storage, fields);
    if (query) await context.session.run(`insert into ${storage} ${query.sql}`, query.bindings);
  };
  try {
    await context.warehouse.catalog.putTable(table, {
      storage: fill,
      session: context.session,
      mustBeNew: !before,
    });
  } catch (error) {
    // Another job may have created the table since `before` was read.
    if (!definition.ifNotExists || !(error instanceof BigQueryError) || error.reason !== 'duplicate') {
      throw error;
    }
    return 'SKIP';
  }
  return before ? 'REPLACE' : 'CREATE';
}

/** What a new table gets from its dataset: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset */
function withDefaults(table: Table, { defaultCollation, defaultPartitionExpirationMs }: Dataset): Table {
  const { fields, timePartitioning } = table;
  return {
    ...table,
    ...(defaultCollation && { defaultCollation }),
    fields: fields.map((field) => collated(field, defaultCollation)),
    ...(timePartitioning &&
      defaultPartitionExpirationMs !== undefined && {
        timePartitioning: { ...timePartitioning, expirationMs: defaultPartitionExpirationMs },
      }),
  };
}

/** A new column of a table with this default: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table */
export function collated(field: Field, defaultCollation = ''): Field {
  return field.type === 'STRING' && defaultCollation !== ''
    ? { ...field, collation: defaultCollation }
    : field;
}

function parseDefinition(cursor: Cursor): Definition {
  cursor.expect('CREATE');
  const replace = cursor.take('OR', 'REPLACE');
  cursor.expect('TABLE');
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const path = cursor.path();
  const { fields, tableConstraints } = cursor.take('(') ? parseColumns(cursor) : {};
  const partitioning = cursor.take('PARTITION', 'BY')
    ? parsePartitioning(cursor.fragmentUntil('CLUSTER', 'OPTIONS', 'AS').text)
    : {};
  const clustering = cursor.take('CLUSTER', 'BY') ? { clustering: { fields: cursor.identifiers() } } : {};
  const options = cursor.take('OPTIONS') ? parseOptions(cursor.parenthesised().text) : {};
  const query = cursor.take('AS') ? cursor.fragmentUntil(';').text : undefined;
  if (!cursor.done) throw cursor.unexpected('end of statement');
  if (!fields && query === undefined) throw invalidQuery('CREATE TABLE needs columns or a query');
  const settings = {
    ...(tableConstraints && { tableConstraints }),
    ...partitioning,
    ...clustering,
    ...options,
  };
  return { path, replace, ifNotExists, fields, settings, query };
}

/** The inside of the parentheses, up to the closing one. */
function parseColumns(cursor: Cursor): Pick<TableSettings, 'tableConstraints'> & { fields: Field[] } {
  const fields: Field[] = [];
  let primaryKey: readonly string[] | undefined;
  while (!cursor.take(')')) {
    if (cursor.take('PRIMARY', 'KEY')) primaryKey = parsePrimaryKey(cursor);
    else fields.push(parseColumn(cursor));
    if (!cursor.sees(')')) cursor.expect(',');
  }
  return { fields, ...(primaryKey && { tableConstraints: { primaryKey: { columns: primaryKey } } }) };
}

/** One column, as in CREATE TABLE and ADD COLUMN. */
export function parseColumn(cursor: Cursor): Field {
  const name = cursor.identifier();
  const shape = readType(cursor);
  return { name, ...shape, ...(cursor.take('NOT', 'NULL') && { mode: 'REQUIRED' }) };
}

/** The columns behind PRIMARY KEY: https://cloud.google.com/bigquery/docs/primary-foreign-keys */
export function parsePrimaryKey(cursor: Cursor): string[] {
  cursor.expect('(');
  const columns = cursor.identifiers();
  cursor.expect(')');
  if (!cursor.take('NOT', 'ENFORCED')) {
    throw invalidQuery('Enforced primary key constraints are not supported; use NOT ENFORCED');
  }
  return columns;
}

/** https://cloud.google.com/bigquery/docs/partitioned-tables#date_timestamp_partitioned_tables */
const PARTITIONING_TYPES: readonly FieldType[] = ['DATE', 'TIMESTAMP', 'DATETIME'];
/** https://cloud.google.com/bigquery/docs/clustered-tables#cluster_column_types */
const CLUSTERING_TYPES: readonly FieldType[] = [
  'BIGNUMERIC',
  'BOOLEAN',
  'DATE',
  'DATETIME',
  'INTEGER',
  'NUMERIC',
  'STRING',
  'TIMESTAMP',
];
/** https://cloud.google.com/bigquery/docs/clustered-tables#limitations */
const MAX_CLUSTERING_COLUMNS = 4;
/** https://cloud.google.com/bigquery/docs/primary-foreign-keys#limitations */
const MAX_KEY_COLUMNS = 16;

/** @throws BigQueryError if the key, the partitions or the clusters name a column that does not exist or has an unfit type. */
export function checkColumns(fields: readonly Field[], settings: TableSettings): void {
  const { timePartitioning, clustering, tableConstraints } = settings;
  const find = (name: string, use: string): Field => {
    const field = fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (!field) throw invalidQuery(`The field specified for ${use} cannot be found in the schema: ${name}`);
    return field;
  };
  const check = (name: string, use: string, types: readonly FieldType[]): void => {
    const { type, mode } = find(name, use);
    if (mode !== 'REPEATED' && types.includes(type)) return;
    throw invalidQuery(`The field ${name} of type ${type} cannot be used for ${use}`);
  };
  if (timePartitioning) check(timePartitioning.field, 'partitioning', PARTITIONING_TYPES);
  const clusters = clustering?.fields ?? [];
  if (clusters.length > MAX_CLUSTERING_COLUMNS) {
    throw invalidQuery(`At most ${MAX_CLUSTERING_COLUMNS} clustering columns are allowed`);
  }
  for (const name of clusters) check(name, 'clustering', CLUSTERING_TYPES);
  const key = tableConstraints?.primaryKey?.columns ?? [];
  if (key.length > MAX_KEY_COLUMNS) {
    throw invalidQuery(`At most ${MAX_KEY_COLUMNS} columns are allowed in a primary key`);
  }
  for (const name of key) find(name, 'the primary key');
}
