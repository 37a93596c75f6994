import type { Bindings, Session } from '../engine.ts';
import { invalidQuery } from '../error.ts';

interface Join {
  /** DuckDB's name of the target table and its quoted alias. */
  readonly storage: string;
  readonly alias: string;
  /** DuckDB's text of the source. */
  readonly from: string;
  /** DuckDB's condition for a source row to change a target row. */
  readonly condition: string;
}

/**
 * Refuses a MERGE in which several source rows would change one target row, for which DuckDB would use any one of them.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
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
