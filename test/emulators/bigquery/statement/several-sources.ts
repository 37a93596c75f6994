import type { Bindings, Session } from '../engine.ts';
import { invalidQuery } from '../error.ts';

interface Join {
  /** DuckDB's name of the target table and its quoted alias. */
  readonly storage: string;
  readonly alias: string;
  /** DuckDB's text of what it is joined with. */
  readonly from: string;
  /** When a source row changes a target row. */
  readonly condition: string;
}

/**
 * DuckDB takes any of several source rows that would change one target row; BigQuery refuses the statement.
 * @throws BigQueryError as BigQuery does.
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
