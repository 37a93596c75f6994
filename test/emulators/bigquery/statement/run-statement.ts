import { invalidQuery, unsupported } from '../error.ts';
import { type Token, tokenize } from '../script/tokenize.ts';
import { alterTable } from './alter-table.ts';
import { createSchema } from './create-schema.ts';
import { createTable } from './create-table.ts';
import { createView } from './create-view.ts';
import { runDml, runTruncate } from './dml.ts';
import { drop } from './drop.ts';
import { runQuery } from './query.ts';
import type { Outcome, StatementContext } from './statement-context.ts';

type Runner = (sql: string, context: StatementContext) => Promise<Outcome>;

/** Runners by the first keywords of a statement, without OR REPLACE. The longest match wins. */
const RUNNERS: Readonly<Record<string, Runner>> = {
  '(': runQuery,
  'ALTER TABLE': alterTable,
  'CREATE SCHEMA': createSchema,
  'CREATE TABLE': createTable,
  'CREATE TEMP TABLE': createTable,
  'CREATE TEMPORARY TABLE': createTable,
  'CREATE VIEW': createView,
  DELETE: runDml,
  'DROP PROCEDURE': drop,
  'DROP SCHEMA': drop,
  'DROP TABLE': drop,
  'DROP VIEW': drop,
  INSERT: runDml,
  MERGE: runDml,
  SELECT: runQuery,
  'TRUNCATE TABLE': runTruncate,
  UPDATE: runDml,
  WITH: runQuery,
};

/** https://cloud.google.com/bigquery/docs/transactions#statements_supported_in_transactions */
const PERMANENT_DDL = /^(ALTER|CREATE (?!TEMP)|DROP)/;

/** Runs one statement that is not procedural. */
export async function runStatement(sql: string, context: StatementContext): Promise<Outcome> {
  const tokens = tokenize(sql);
  const head = headOf(tokens);
  const key = Object.keys(RUNNERS)
    .filter((each) => `${head} `.startsWith(`${each} `))
    .sort((a, b) => b.length - a.length)[0];
  const runner = key === undefined ? undefined : RUNNERS[key];
  if (!runner) throw unsupported(`the statement ${head.split(' ').slice(0, 3).join(' ')} …`);
  if (context.transaction && PERMANENT_DDL.test(head) && !dropsTemporary(head, tokens, context)) {
    throw invalidQuery('DDL on permanent objects is not supported inside a transaction');
  }
  return await runner(sql, context);
}

function dropsTemporary(head: string, tokens: readonly Token[], context: StatementContext): boolean {
  return head.startsWith('DROP TABLE') && context.temporary.has(tokens.at(-1)?.value.toLowerCase() ?? '');
}

function headOf(tokens: readonly Token[]): string {
  const head = tokens.slice(0, 5).map(({ keyword, text }) => keyword || text);
  return head.join(' ').replace(/^CREATE OR REPLACE /, 'CREATE ');
}
