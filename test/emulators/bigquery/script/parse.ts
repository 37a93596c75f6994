import { Cursor } from './cursor.ts';
import type {
  Branch,
  Fragment,
  ProcedureArgument,
  ProcedureDefinition,
  Statement,
  Using,
} from './statement.ts';
import { syntaxError } from './tokenize.ts';

/**
 * Parses a GoogleSQL script. Procedural statements become trees; every other statement stays text (`kind: 'sql'`) and ends
 * at its semicolon.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language
 * @throws BigQueryError invalidQuery with the position of the first fault.
 */
export function parseScript(source: string): Statement[] {
  const cursor = new Cursor(source);
  const statements = parseStatements(cursor);
  if (!cursor.done) throw cursor.unexpected('end of script');
  return statements;
}

/** Parses statements up to one of these keywords, without taking it, or up to the end of the text. */
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

/** A statement of any kind without the properties that `parseStatement` adds. */
type Unplaced<S = Statement> = S extends Statement ? Omit<S, 'at' | 'text'> : never;

function parseProcedural(cursor: Cursor): Unplaced | undefined {
  if (cursor.take('DECLARE')) return parseDeclare(cursor);
  if (cursor.take('SET')) return parseSet(cursor);
  if (cursor.take('IF')) return parseIf(cursor);
  if (cursor.take('WHILE')) return parseWhile(cursor);
  if (cursor.take('LOOP')) return { kind: 'loop', body: parseBody(cursor, 'LOOP') };
  if (cursor.take('BREAK') || cursor.take('LEAVE')) return { kind: 'break' };
  if (cursor.take('CONTINUE') || cursor.take('ITERATE')) return { kind: 'continue' };
  if (cursor.take('RETURN')) return { kind: 'return' };
  if (cursor.take('RAISE')) return parseRaise(cursor);
  if (cursor.take('ASSERT')) return parseAssert(cursor);
  if (cursor.take('COMMIT')) return endsTransaction(cursor, 'commit');
  if (cursor.take('ROLLBACK')) return endsTransaction(cursor, 'rollback');
  if (cursor.take('BEGIN', 'TRANSACTION') || cursor.sees('BEGIN', ';')) {
    return endsTransaction(cursor, 'begin');
  }
  if (cursor.take('BEGIN')) return parseBlock(cursor);
  if (cursor.take('CALL')) return parseCall(cursor);
  if (cursor.take('EXECUTE', 'IMMEDIATE')) return parseExecute(cursor);
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
  return { kind: 'while', condition, body: parseBody(cursor, 'WHILE') };
}

function parseBody(cursor: Cursor, keyword: string): Statement[] {
  const body = parseStatements(cursor, 'END');
  cursor.expect('END', keyword);
  return body;
}

function parseRaise(cursor: Cursor): Unplaced {
  if (!cursor.take('USING', 'MESSAGE')) return { kind: 'raise' };
  cursor.expect('=');
  return { kind: 'raise', message: cursor.fragmentUntil(';') };
}

function parseAssert(cursor: Cursor): Unplaced {
  const condition = cursor.fragmentUntil('AS');
  const message = cursor.take('AS') ? cursor.fragmentUntil(';') : undefined;
  return { kind: 'assert', condition, ...(message && { message }) };
}

function endsTransaction(cursor: Cursor, kind: 'begin' | 'commit' | 'rollback'): Unplaced {
  if (kind === 'begin') cursor.take('BEGIN');
  cursor.take('TRANSACTION');
  return { kind };
}

/** Parses the rest of a block after BEGIN. */
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

function parseExecute(cursor: Cursor): Unplaced {
  const sql = cursor.fragmentUntil('INTO', 'USING');
  const into = cursor.take('INTO') ? cursor.identifiers() : [];
  const using: Using[] = [];
  if (cursor.take('USING')) {
    do {
      const value = cursor.fragmentUntil(',', 'AS');
      using.push(cursor.take('AS') ? { value, name: cursor.identifier() } : { value });
    } while (cursor.take(','));
  }
  return { kind: 'execute', sql, into, using };
}

/**
 * Parses CREATE PROCEDURE; returns undefined for any other statement.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_procedure
 */
function parseProcedure(cursor: Cursor): ProcedureDefinition | undefined {
  const replace = cursor.sees('CREATE', 'OR', 'REPLACE', 'PROCEDURE');
  if (!replace && !cursor.sees('CREATE', 'PROCEDURE')) return undefined;
  while (!cursor.take('PROCEDURE')) cursor.next();
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const name = cursor.path();
  const list = parseArguments(cursor);
  const options = cursor.take('OPTIONS') ? cursor.parenthesised().text : '';
  const { at, start } = cursor;
  cursor.expect('BEGIN');
  parseBlock(cursor);
  const body = { text: cursor.source.slice(start, cursor.end), at };
  return { name, replace, ifNotExists, arguments: list, options, body };
}

function parseArguments(cursor: Cursor): ProcedureArgument[] {
  const list: ProcedureArgument[] = [];
  cursor.expect('(');
  while (!cursor.take(')')) {
    const mode = cursor.take('INOUT') ? 'INOUT' : cursor.take('OUT') ? 'OUT' : 'IN';
    if (mode === 'IN' && cursor.peek(1)?.keyword !== ',') cursor.take('IN');
    const name = cursor.identifier();
    list.push({ name, mode, type: parseArgumentType(cursor) });
    if (!cursor.sees(')')) cursor.expect(',');
  }
  return list;
}

/** Reads a type up to the comma or parenthesis after it; commas between `<` and `>` belong to the type. */
function parseArgumentType(cursor: Cursor): string {
  const { start } = cursor;
  let depth = 0;
  while (depth > 0 || !(cursor.sees(',') || cursor.sees(')'))) {
    const { keyword } = cursor.next();
    if (keyword === '<') depth += 1;
    if (keyword === '>') depth -= 1;
  }
  return cursor.source.slice(start, cursor.end);
}
