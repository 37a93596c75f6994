import { invalidQuery, unsupported } from '../error.ts';
import { type Token, tokenize } from '../script/tokenize.ts';
import { alterTable } from './alter-table.ts';
import { createTable } from './create-table.ts';
import { createView } from './create-view.ts';
import { runDml, runTruncate } from './dml.ts';
import { dropTable } from './drop-table.ts';
import { runQuery } from './query.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

type Runner = (sql: string, context: StatementContext) => Promise<Outcome>;

/** Runners by the first keywords of a statement, without OR REPLACE. */
const RUNNERS: ReadonlyMap<string, Runner> = new Map(
  Object.entries<Runner>({
    '(': runQuery,
    'ALTER TABLE': alterTable,
    'CREATE TABLE': createTable,
    'CREATE VIEW': createView,
    DELETE: runDml,
    'DROP TABLE': dropTable,
    'DROP VIEW': dropTable,
    INSERT: runDml,
    MERGE: runDml,
    SELECT: runQuery,
    'TRUNCATE TABLE': runTruncate,
    UPDATE: runDml,
    WITH: runQuery,
  }),
);

/** https://cloud.google.com/bigquery/docs/transactions#limitations */
export const DDL_IN_TRANSACTION = 'DDL on permanent objects is not supported inside a transaction';

/** Runs one statement that is not procedural. */
export async function runStatement(sql: string, context: StatementContext): Promise<Outcome> {
  const head = headOf(tokenize(sql));
  const key = [...RUNNERS.keys()].find((each) => `${head} `.startsWith(`${each} `));
  const runner = key === undefined ? undefined : RUNNERS.get(key);
  if (!runner) throw unsupported(`the statement ${head.split(' ').slice(0, 3).join(' ')} …`);
  if (context.isDryRun && !/^(CREATE (TABLE|VIEW)|SELECT) /.test(head)) {
    throw unsupported(`a dry run of the statement ${head.split(' ').slice(0, 2).join(' ')} …`);
  }
  if (context.transaction && /^(ALTER|CREATE|DROP) /.test(head)) throw invalidQuery(DDL_IN_TRANSACTION);
  try {
    return await runner(sql, context);
  } finally {
    context.past.clear();
  }
}

function headOf(tokens: readonly Token[]): string {
  const head = tokens.slice(0, 5).map(({ keyword, text }) => keyword || text);
  return head.join(' ').replace(/^CREATE OR REPLACE /, 'CREATE ');
}
