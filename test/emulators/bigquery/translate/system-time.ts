import { invalidQuery } from '../error.ts';
import { type Token, tokenize } from '../script/tokenize.ts';
import { normalise } from './normalise.ts';
import { tablePath } from './relations.ts';
import { parseStatement, type TableRef } from './syntax-tree.ts';

/** A table at a time in microseconds. */
export interface PastTable {
  /** As written, without the time. */
  readonly path: string;
  readonly time: number;
}

/** The reserved words that can follow a table in a FROM clause, where the expression of its time ends. */
const BEHIND_TIME: ReadonlySet<string> = new Set(
  `, ; CROSS EXCEPT FULL GROUP HAVING INNER INTERSECT JOIN LEFT LIMIT ON ORDER QUALIFY RIGHT TABLESAMPLE UNION USING WHERE WHEN
  WINDOW`.split(/\s+/),
);
/** The reserved words that can stand before a table. */
const BEFORE_TABLE: ReadonlySet<string> = new Set(['FROM', 'JOIN', 'USING']);

/** May the statement have a time? Then `writeTimes` finds out. */
export function mayHaveTimes(sql: string): boolean {
  return /\bsystem_time\b/i.test(sql);
}

/**
 * The same statement with the times in the names of tables: `FROM d.t FOR SYSTEM_TIME AS OF …` becomes "FROM d.`t@1767225600123456` AS t". The
 * translator would take ON for a part of the time.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#for_system_time_as_of
 */
export async function writeTimes(
  sql: string,
  evaluate: (expression: string) => Promise<number>,
): Promise<string> {
  const tokens = tokenize(sql);
  let written = '';
  let end = 0;
  for (const [index, { start }] of tokens.entries()) {
    const words = tokens.slice(index, index + 4).map(({ keyword }) => keyword);
    if (words.join(' ') !== 'FOR SYSTEM_TIME AS OF') continue;
    const { name, hasAlias } = tableBefore(tokens, index);
    const [first, last] = expressionFrom(tokens, index + 4);
    const time = await evaluate(sql.slice(first.start, last.end));
    const alias = hasAlias ? '' : ` as \`${name.value.split('.').at(-1)}\``;
    written += `${sql.slice(end, name.start)}\`${name.value}@${time}\`${sql.slice(name.end, start)}${alias}`;
    end = last.end;
  }
  return written + sql.slice(end);
}

/** The last part of the table's name before its time, and whether an alias follows it. */
function tableBefore(tokens: readonly Token[], index: number): { name: Token; hasAlias: boolean } {
  const [third, second, first] = [tokens[index - 3], tokens[index - 2], tokens[index - 1]];
  const isName = (token: Token | undefined) =>
    (token?.kind === 'word' && !BEFORE_TABLE.has(token.keyword)) || token?.kind === 'quoted';
  const hasAs = second?.keyword === 'AS';
  const name = hasAs ? third : isName(second) ? second : first;
  if (!name || !isName(name)) throw invalidQuery('FOR SYSTEM_TIME AS OF must follow the name of a table');
  return { name, hasAlias: name !== first };
}

/** The first and the last token of an expression. */
function expressionFrom(tokens: readonly Token[], start: number): [Token, Token] {
  let depth = 0;
  let end = start;
  for (const { keyword } of tokens.slice(start)) {
    if (depth === 0 && (keyword === ')' || BEHIND_TIME.has(keyword))) break;
    if (keyword === '(') depth += 1;
    if (keyword === ')') depth -= 1;
    end += 1;
  }
  const [first, last] = [tokens[start], tokens[end - 1]];
  if (!first || !last || end === start) {
    throw invalidQuery('Syntax error: Expected an expression behind FOR SYSTEM_TIME AS OF');
  }
  return [first, last];
}

/** The table behind a path of `writeTimes`; undefined for a path without a time. */
export function pastTable(path: string): PastTable | undefined {
  const [, name, time] = /^(.+)@(\d+)$/.exec(path) ?? [];
  return name === undefined ? undefined : { path: name, time: Number(time) };
}

/** The tables with a time in a statement of `writeTimes`. */
export function pastTables(sql: string): PastTable[] {
  const found: PastTable[] = [];
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return;
    const table = 'schema' in node && 'name' in node ? pastTable(tablePath(node as TableRef)) : undefined;
    if (table) found.push(table);
    for (const part of Object.values(node)) visit(part);
  };
  visit(parseStatement(normalise(sql)));
  return found;
}
