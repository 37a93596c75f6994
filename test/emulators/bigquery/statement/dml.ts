import { invalidQuery, unsupported } from '../error.ts';
import { type Field, quoted } from '../field.ts';
import { displayName } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import { normalise } from '../translate/normalise.ts';
import { tablePath } from '../translate/relations.ts';
import { type Expression, parseStatement, print } from '../translate/syntax-tree.ts';
import type { Translation } from '../translate/translate.ts';
import { dmlOutcome } from './dml-outcome.ts';
import { runMerge } from './merge.ts';
import { preparePast } from './past-tables.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { fieldNamed } from './target.ts';

/** INSERT, UPDATE, DELETE or MERGE: https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax */
export async function runDml(sql: string, context: StatementContext): Promise<Outcome> {
  const tree = parseStatement(normalise(await preparePast(sql, context)));
  if ('insert' in tree) return await runInsert(tree.insert, context);
  if ('update' in tree) return await runUpdate(tree.update, context);
  if ('delete' in tree) return await runDelete(tree.delete, context);
  if ('merge' in tree) return await runMerge(tree.merge, context);
  throw unsupported(`${Object.keys(tree)[0]} as a statement`);
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#truncate_table_statement */
export async function runTruncate(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('TRUNCATE', 'TABLE');
  const target = context.target(cursor.path());
  if (!cursor.done) throw cursor.unexpected('end of statement');
  const deleted = await context.change(target, () => context.session.run(`delete from ${target.storage}`));
  return dmlOutcome('TRUNCATE_TABLE', { deleted });
}

type Node<K extends 'insert' | 'update' | 'delete'> = Extract<Expression, Record<K, unknown>>[K];

async function runInsert(insert: Node<'insert'>, context: StatementContext): Promise<Outcome> {
  const target = context.target(tablePath(insert.table));
  if (target.table.type !== 'TABLE') throw invalidQuery(`${displayName(target.table.reference)} is no table`);
  const columns =
    insert.columns.length > 0
      ? insert.columns.map(({ name }) => fieldNamed(target, name))
      : target.table.fields;
  const translation = context.translation();
  const rows = insert.query
    ? print(translation.subquery(insert.query))
    : values(insert.values, columns, translation);
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const inserted = await context.atOnce(() =>
    context.session.run(`insert into ${target.storage} (${names}) ${rows}`, translation.bindings),
  );
  return dmlOutcome('INSERT', { inserted });
}

function values(rows: Node<'insert'>['values'], columns: readonly Field[], translation: Translation): string {
  const written = rows.map((row) => {
    // https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#insert_statement
    if (row.length !== columns.length) {
      throw invalidQuery(
        `Inserted row has wrong column count; Has ${row.length}, expected ${columns.length}`,
      );
    }
    return `(${row.map((value) => print(translation.within(value, []))).join(', ')})`;
  });
  return `values ${written.join(', ')}`;
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#update_statement */
async function runUpdate(update: Node<'update'>, context: StatementContext): Promise<Outcome> {
  if (!update.where_clause) throw invalidQuery('UPDATE must have a WHERE clause');
  if (update.from_clause || update.from_joins.length > 0) throw unsupported('UPDATE with FROM: use MERGE');
  const target = context.target(tablePath(update.table));
  const alias = quoted(update.table.alias?.name ?? target.table.reference.tableId);
  const translation = context.translation();
  const item: Expression = { table: update.table };
  const changes = update.set.map(([column, value]) => {
    return `${quoted(fieldNamed(target, column.name).name)} = ${print(translation.within(value, [item]))}`;
  });
  const condition = print(translation.within(update.where_clause.this, [item]));
  const updated = await context.change(target, () =>
    context.session.run(
      `update ${target.storage} as ${alias} set ${changes.join(', ')} where ${condition}`,
      translation.bindings,
    ),
  );
  return dmlOutcome('UPDATE', { updated });
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#delete_statement */
async function runDelete(statement: Node<'delete'>, context: StatementContext): Promise<Outcome> {
  if (!statement.where_clause) throw invalidQuery('DELETE must have a WHERE clause');
  const target = context.target(tablePath(statement.table));
  const alias = statement.alias ?? statement.table.alias;
  const translation = context.translation();
  const item: Expression = { table: { ...statement.table, alias } };
  const condition = print(translation.within(statement.where_clause.this, [item]));
  const name = quoted(alias?.name ?? target.table.reference.tableId);
  const deleted = await context.change(target, () =>
    context.session.run(`delete from ${target.storage} as ${name} where ${condition}`, translation.bindings),
  );
  return dmlOutcome('DELETE', { deleted });
}
