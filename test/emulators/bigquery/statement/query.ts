import type { Bindings } from '../engine.ts';
import { invalidQuery } from '../error.ts';
import { type Field, shapeOfStorage } from '../field.ts';
import type { QueryResult } from '../results.ts';
import { wireRow } from '../wire.ts';
import { preparePast } from './past-tables.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

/** Runs a query and saves its rows, which later requests read. */
export async function runQuery(sql: string, context: StatementContext): Promise<Outcome> {
  const query = await preparePast(sql, context);
  const { sql: translated, bindings, names } = context.translation().query(query);
  const fields = await describeQuery(translated, bindings, names, context);
  if (context.isDryRun) return { statistics: { statementType: 'SELECT' } };
  const result = await writeResult(translated, bindings, fields, context);
  return { statistics: { statementType: 'SELECT' }, result };
}

/**
 * The columns of a translated query. `names` are the names in GoogleSQL; an empty one becomes `f0_`, `f1_` …
 * @throws BigQueryError for duplicate names, which BigQuery itself renames in some queries:
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#duplicate_aliases
 */
export async function describeQuery(
  translated: string,
  bindings: Bindings,
  names: readonly string[],
  context: StatementContext,
): Promise<Field[]> {
  const { types } = await context.session.describe(translated, bindings);
  const fields = types.map((type, index) => ({
    name: names[index] || `f${index}_`,
    ...shapeOfStorage(type),
  }));
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (seen.has(name.toLowerCase())) {
      throw invalidQuery(
        `Duplicate column names in the result are not supported. Found duplicate(s): ${name}`,
      );
    }
    seen.add(name.toLowerCase());
  }
  return fields;
}

async function writeResult(
  translated: string,
  bindings: Bindings,
  fields: readonly Field[],
  context: StatementContext,
): Promise<QueryResult> {
  const columns = fields.map((_, index) => `c${index}`);
  const lines = context.session.texts(
    `select ${wireRow(fields, columns)} from (${translated}) as q(${columns.join(', ')})`,
    bindings,
  );
  return await context.warehouse.results.write(fields, lines);
}
