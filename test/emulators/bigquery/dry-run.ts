import type { Job } from './job.ts';
import { resolveRoutine } from './names.ts';
import type { Statement } from './script/statement.ts';
import { tokenize } from './script/tokenize.ts';
import { describeQuery } from './statement/query.ts';
import type { StatementContext } from './statement/statement-context.ts';

/**
 * Checks the syntax, the tables and columns of a single query, and the procedure of a CALL, and runs nothing.
 * https://cloud.google.com/bigquery/docs/running-queries#dry-run
 * @throws BigQueryError the error with which the job would end.
 */
export async function checkScript(
  statements: readonly Statement[],
  context: StatementContext,
  job: Job,
): Promise<void> {
  const [only, ...others] = statements;
  if (!only || others.length > 0) {
    job.record.query = { statementType: 'SCRIPT' };
    return;
  }
  if (only.kind === 'call') {
    context.warehouse.catalog.routine(resolveRoutine(only.procedure, context.defaults));
    job.record.query = { statementType: 'CALL' };
    return;
  }
  const [first] = only.kind === 'sql' ? tokenize(only.text) : [];
  if (first && ['SELECT', 'WITH', '('].includes(first.keyword)) {
    const { sql, bindings, names } = context.translation().query(only.text);
    const fields = await describeQuery(sql, bindings, names, context);
    job.record.query = { statementType: 'SELECT' };
    job.record.result = { fields, totalRows: 0 };
  }
}
