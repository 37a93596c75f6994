import { createdNow } from '../catalog.ts';
import { Cursor } from '../script/cursor.ts';
import { parseOptions } from './options.ts';
import { skippingDuplicate } from './skipping-duplicate.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

/**
 * CREATE SCHEMA [IF NOT EXISTS] name [OPTIONS (…)]
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_schema_statement
 */
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
