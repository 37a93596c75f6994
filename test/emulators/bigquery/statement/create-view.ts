import { createdNow, type Table } from '../catalog.ts';
import { invalid, unsupported } from '../error.ts';
import { resolveTable } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { parseOptions } from './options.ts';
import { describeQuery } from './query.ts';
import { skippingDuplicate } from './skipping-duplicate.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

/**
 * CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name [OPTIONS (…)] AS query
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_view_statement
 */
export async function createView(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('CREATE');
  const replace = cursor.take('OR', 'REPLACE');
  cursor.expect('VIEW');
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const reference = resolveTable(cursor.path(), context.defaults);
  if (cursor.sees('(')) throw unsupported('a view with a list of columns');
  const options = cursor.take('OPTIONS') ? parseOptions(cursor.parenthesised().text) : {};
  cursor.expect('AS');
  const viewQuery = cursor.fragmentUntil(';').text;
  context.checkLocation(reference);
  const before = context.warehouse.catalog.findTable(reference);
  if (before?.type === 'TABLE' && replace) throw invalid(`${reference.tableId} is not a view`);
  // Before the query is checked, whose tables may be gone if the view exists.
  if (before && ifNotExists) {
    return { statistics: { statementType: 'CREATE_VIEW', ddlOperationPerformed: 'SKIP' } };
  }
  const { sql: translated, bindings, names } = context.translation(new Map()).query(viewQuery);
  const fields = await describeQuery(translated, bindings, names, context);
  if (context.isDryRun) return { statistics: { statementType: 'CREATE_VIEW' } };
  const view: Table = { reference, type: 'VIEW', fields, viewQuery, ...createdNow(), ...options };
  return await skippingDuplicate('CREATE_VIEW', ifNotExists, () =>
    context.warehouse.catalog.putTable(view, { mustBeNew: !replace }),
  );
}
