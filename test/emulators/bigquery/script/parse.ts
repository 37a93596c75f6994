import { unsupported } from '../error.ts';
import { Cursor } from './cursor.ts';
import type { Branch, Fragment, ProcedureArgument, ProcedureDefinition, Statement } from './statement.ts';
import { syntaxError } from './tokenize.ts';

/**
 * The statements of a GoogleSQL script. Procedural statements become trees; every other statement stays text (`kind: 'sql'`) up to its
 * semicolon. https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language
 * @throws BigQueryError invalidQuery with the place of the first fault.
 */
export function parseScript(source: string): Statement[] {
  const cursor = new Cursor(source);
  const statements = parseStatements(cursor);
  if (!cursor.done) throw cursor.unexpected('end of script');
  return statements;
}

/** The statements before one of these keywords, or up to the end of the text. */
function parseStatements(cursor: Cursor, ...ends: string[]): Statement[] {
  const statements: Statement[] = [];
  for (;;) {
    while (cursor.take(';'));
    if (cursor.done || ends.some((end) => cursor.sees(end))) return statements;
    statements.push(parseStatement(cursor));
    if (!cursor.done && !cursor.take(';')) throw cursor.unexpected('end of statement');
  }
}

function parseStatement(cursor: Cursor): Statement {
  const { at, start } = cursor;
  const parsed = parseProcedural(cursor) ?? parseSql(cursor);
  return { ...parsed, at, text: cursor.source.slice(start, cursor.end) };
}

/** A statement without the properties that `parseStatement` adds. */
type Unplaced<S = Statement> = S extends Statement ? Omit<S, 'at' | 'text'> : never;

function parseProcedural(cursor: Cursor): Unplaced | undefined {
  if (cursor.take('DECLARE')) return parseDeclare(cursor);
  if (cursor.take('SET')) return parseSet(cursor);
  if (cursor.take('IF')) return parseIf(cursor);
  if (cursor.take('WHILE')) return parseWhile(cursor);
  if (cursor.take('RAISE')) return parseRaise(cursor);
  if (cursor.take('COMMIT')) return endsTransaction(cursor, 'commit');
  if (cursor.take('ROLLBACK')) return endsTransaction(cursor, 'rollback');
  if (cursor.take('BEGIN', 'TRANSACTION') || cursor.sees('BEGIN', ';')) {
    return endsTransaction(cursor, 'begin');
  }
  if (cursor.take('BEGIN')) return parseBlock(cursor);
  if (cursor.take('CALL')) return parseCall(cursor);
  const procedure = parseProcedure(cursor);
  return procedure && { kind: 'procedure', procedure };
}

function parseSql(cursor: Cursor): Unplaced {
  cursor.fragmentUntil(';');
  if (cursor.sees(')')) throw syntaxError('Unexpected ")"', cursor.at);
  return { kind: 'sql' };
}

function parseDeclare(cursor: Cursor): Unplaced {
  const names = cursor.identifiers();
  const type = cursor.sees('DEFAULT') ? undefined : cursor.fragmentUntil('DEFAULT').text;
  const initial = cursor.take('DEFAULT') ? cursor.fragmentUntil(';') : undefined;
  return { kind: 'declare', names, ...(type !== undefined && { type }), ...(initial && { initial }) };
}

function parseSet(cursor: Cursor): Unplaced {
  const tuple = cursor.take('(');
  const targets = tuple ? cursor.identifiers() : [cursor.identifier()];
  if (tuple) cursor.expect(')');
  cursor.expect('=');
  return { kind: 'set', targets, tuple, value: cursor.fragmentUntil(';') };
}

function parseIf(cursor: Cursor): Unplaced {
  const branches: Branch[] = [];
  do {
    const condition = cursor.fragmentUntil('THEN');
    cursor.expect('THEN');
    branches.push({ condition, body: parseStatements(cursor, 'ELSEIF', 'ELSE', 'END') });
  } while (cursor.take('ELSEIF'));
  const otherwise = cursor.take('ELSE') ? parseStatements(cursor, 'END') : [];
  cursor.expect('END', 'IF');
  return { kind: 'if', branches, otherwise };
}

function parseWhile(cursor: Cursor): Unplaced {
  const condition = cursor.fragmentUntil('DO');
  cursor.expect('DO');
  const body = parseStatements(cursor, 'END');
  cursor.expect('END', 'WHILE');
  return { kind: 'while', condition, body };
}

function parseRaise(cursor: Cursor): Unplaced {
  if (!cursor.take('USING', 'MESSAGE')) return { kind: 'raise' };
  cursor.expect('=');
  return { kind: 'raise', message: cursor.fragmentUntil(';') };
}

function endsTransaction(cursor: Cursor, kind: 'begin' | 'commit' | 'rollback'): Unplaced {
  if (kind === 'begin') cursor.take('BEGIN');
  cursor.take('TRANSACTION');
  return { kind };
}

/** The text behind BEGIN. */
function parseBlock(cursor: Cursor): Unplaced {
  const body = parseStatements(cursor, 'EXCEPTION', 'END');
  if (!cursor.take('EXCEPTION')) {
    cursor.expect('END');
    return { kind: 'block', body };
  }
  cursor.expect('WHEN', 'ERROR', 'THEN');
  const handler = parseStatements(cursor, 'END');
  cursor.expect('END');
  return { kind: 'block', body, handler };
}

function parseCall(cursor: Cursor): Unplaced {
  const procedure = cursor.path();
  cursor.expect('(');
  const list: Fragment[] = [];
  if (!cursor.sees(')')) {
    do list.push(cursor.fragmentUntil(','));
    while (cursor.take(','));
  }
  cursor.expect(')');
  return { kind: 'call', procedure, arguments: list };
}

/**
 * CREATE PROCEDURE; undefined if the next statement is another one.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_procedure
 */
function parseProcedure(cursor: Cursor): ProcedureDefinition | undefined {
  const replace = cursor.sees('CREATE', 'OR', 'REPLACE', 'PROCEDURE');
  if (!replace && !cursor.sees('CREATE', 'PROCEDURE')) return undefined;
  while (!cursor.take('PROCEDURE')) cursor.next();
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const name = cursor.path();
  const list = parseArguments(cursor);
  const { at, start } = cursor;
  cursor.expect('BEGIN');
  parseBlock(cursor);
  const body = { text: cursor.source.slice(start, cursor.end), at };
  return { name, replace, ifNotExists, arguments: list, body };
}

function parseArguments(cursor: Cursor): ProcedureArgument[] {
  const list: ProcedureArgument[] = [];
  cursor.expect('(');
  while (!cursor.take(')')) {
    if (cursor.sees('OUT') || cursor.sees('INOUT')) throw unsupported('OUT and INOUT arguments');
    const name = cursor.identifier();
    list.push({ name, type: parseArgumentType(cursor) });
    if (!cursor.sees(')')) cursor.expect(',');
  }
  return list;
}

/** A type, up to the comma or parenthesis behind it. */
function parseArgumentType(cursor: Cursor): string {
  const { start } = cursor;
  while (!(cursor.sees(',') || cursor.sees(')'))) cursor.next();
  return cursor.source.slice(start, cursor.end);
}
