import type { Bindings, Session } from '../engine.ts';
import { invalidQuery } from '../error.ts';

interface Join {
  /** The DuckDB name of the target table, and its quoted alias. */
  readonly storage: string;
  readonly alias: string;
  /** The DuckDB text of the joined relations. */
  readonly from: string;
  /** The condition under which a source row changes a target row. */
  readonly condition: string;
}

/**
 * If several source rows match one target row, DuckDB uses any of them, but BigQuery fails the statement.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
 * @throws BigQueryError if more than one source row matches a target row.
 */
export async function refuseSeveralSources(session: Session, bindings: Bindings, join: Join): Promise<void> {
  const { storage, alias, from, condition } = join;
  const { rows } = await session.query(
    `select 1 from ${storage} as ${alias}, ${from} where ${condition} group by ${alias}.rowid having count(*) > 1 limit 1`,
    bindings,
  );
  if (rows.length > 0) {
    throw invalidQuery('UPDATE/MERGE must match at most one source row for each target row');
  }
}
