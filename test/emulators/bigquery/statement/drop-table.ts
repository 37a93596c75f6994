import { invalidQuery } from '../error.ts';
import { resolveTable } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

/**
 * DROP TABLE [IF EXISTS] name, and DROP VIEW
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#drop_table_statement
 */
export async function dropTable(sql: string, { warehouse, defaults }: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('DROP');
  const type = cursor.take('VIEW') ? 'VIEW' : 'TABLE';
  if (type === 'TABLE') cursor.expect('TABLE');
  const ifExists = cursor.take('IF', 'EXISTS');
  const path = cursor.path();
  const reference = resolveTable(path, defaults);
  const found = warehouse.catalog.findTable(reference);
  if (found && found.type !== type) throw invalidQuery(`${path} is not a ${type.toLowerCase()}`);
  const isSkipped = ifExists && !found;
  if (!isSkipped) await warehouse.catalog.deleteTable(reference);
  return {
    statistics: { statementType: `DROP_${type}`, ddlOperationPerformed: isSkipped ? 'SKIP' : 'DROP' },
  };
}
