import { type GoogleSql, GoogleSqlError, type Surroundings } from './google-sql.ts';
import { childOf, childrenOf, concrete, fieldOf, type ProtoNode, textsOf } from './proto-node.ts';
import { procedureParameters, type SqlColumn, type SqlObjects } from './sql-objects.ts';
import { BOOL, type SqlType, STRING, structOf } from './sql-type.ts';

/** A text of one or several statements, as a query job takes it. */
export interface Script {
  readonly sql: string;
  readonly parameters?: readonly SqlColumn[];
}

export interface Checked {
  /** How many statements were checked, also those of bodies of procedures. */
  readonly statements: number;
  /** `line:column reason` for each that is refused. */
  readonly faults: readonly string[];
}

/**
 * Lets Google's analyzer check every statement of a script with its names and types: also those of procedures, blocks, loops and handlers, with
 * their variables, and constant texts of EXECUTE IMMEDIATE. What the statements create, change and drop, they do to `objects`.
 * A fault of one statement does not hide those of others, but a syntax error does.
 */
export async function checkScript(
  googleSql: GoogleSql,
  { sql, parameters = [] }: Script,
  objects: SqlObjects,
): Promise<Checked> {
  const checker = new ScriptChecker(googleSql, sql, objects);
  await checker.check({ variables: new Map(), parameters, inHandler: false });
  return { statements: checker.statements, faults: checker.faults };
}

/** What the names of a statement may mean besides the objects. Variables by their lower-case names. */
type Scope = {
  readonly variables: ReadonlyMap<string, SqlColumn>;
  readonly parameters: readonly SqlColumn[];
  readonly inHandler: boolean;
};

type Statement = { kind: string; node: ProtoNode };

class ScriptChecker {
  statements = 0;
  readonly faults: string[] = [];
  readonly #googleSql: GoogleSql;
  readonly #sql: string;
  /** Positions in a syntax tree count bytes. */
  readonly #bytes: Buffer;
  readonly #objects: SqlObjects;

  constructor(googleSql: GoogleSql, sql: string, objects: SqlObjects) {
    this.#googleSql = googleSql;
    this.#sql = sql;
    this.#bytes = Buffer.from(sql);
    this.#objects = objects;
  }

  async check(scope: Scope): Promise<void> {
    try {
      await this.#list(childOf(await this.#googleSql.parse(this.#sql), 'statementListNode'), scope);
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw error;
      this.faults.push(error.message);
    }
  }

  /** Checks the statements of a block. What it declares is unknown after it. */
  async #list(list: ProtoNode | undefined, outer: Scope): Promise<void> {
    let scope = outer;
    let mayDeclare = true;
    for (const { kind, node } of childrenOf(list, 'statementList').map(concrete)) {
      this.statements += 1;
      if (kind === 'astVariableDeclarationNode') {
        if (!mayDeclare) this.#refuse(node, 'DECLARE must come before the other statements of its block');
        scope = await this.#declare(node, scope);
      } else {
        mayDeclare = false;
        await this.#statement({ kind, node }, scope);
      }
    }
  }

  async #statement({ kind, node }: Statement, scope: Scope): Promise<void> {
    switch (kind) {
      case 'astBeginEndBlockNode':
        await this.#list(childOf(node, 'statementListNode'), scope);
        for (const handler of childrenOf(childOf(node, 'handlerList'), 'exceptionHandlerList')) {
          await this.#list(childOf(handler, 'statementList'), { ...scope, inHandler: true });
        }
        return;
      case 'astIfStatementNode':
        await this.#branch(node, 'thenList', scope);
        for (const clause of childrenOf(childOf(node, 'elseifClauses'), 'elseifClauses')) {
          await this.#branch(clause, 'body', scope);
        }
        return await this.#list(childOf(node, 'elseList'), scope);
      case 'astWhileStatementNode':
        return await this.#branch(node, 'body', scope);
      case 'astRepeatStatementNode':
        await this.#branch(childOf(node, 'untilClause') ?? {}, 'body', scope);
        return await this.#list(childOf(node, 'body'), scope);
      case 'astForInStatementNode':
        return await this.#for(node, scope);
      case 'astSingleAssignmentNode':
        return await this.#assign(node, textsOf(childOf(node, 'variable') ?? {}, 'idString'), scope);
      case 'astAssignmentFromStructNode':
        return await this.#assign(node, identifiers(childOf(node, 'variables')), scope);
      case 'astRaiseStatementNode':
        return void (await this.#value(childOf(node, 'message'), scope, STRING));
      case 'astBreakStatementNode':
      case 'astContinueStatementNode':
      case 'astReturnStatementNode':
        return;
      default:
        return await this.#sqlStatement({ kind, node }, scope);
    }
  }

  async #sqlStatement({ kind, node }: Statement, scope: Scope): Promise<void> {
    const analyzed = await this.#analyze(node, scope);
    if (analyzed === undefined) return;
    this.#objects.apply(analyzed);
    if (kind === 'astCreateProcedureStatementNode') {
      const variables = variablesOf(procedureParameters(concrete(analyzed).node));
      const body = childOf(childOf(node, 'body') ?? {}, 'statementListNode');
      await this.#list(body, { variables, parameters: [], inHandler: false });
    }
    if (kind === 'astExecuteImmediateStatementNode') await this.#constantText(node, concrete(analyzed).node);
  }

  /** Checks the text of EXECUTE IMMEDIATE, which sees no variables, only the values of its USING clause. */
  async #constantText(node: ProtoNode, analyzed: ProtoNode): Promise<void> {
    const text = concrete(childOf(analyzed, 'sql') ?? {}).node;
    const { value } = childOf(text, 'value') ?? {};
    const sql = (value as ProtoNode | undefined)?.stringValue;
    if (typeof sql !== 'string') return this.#refuse(node, 'the text of EXECUTE IMMEDIATE is not constant');
    const parameters = childrenOf(analyzed, 'usingArgumentList').map(({ name, expression }) => ({
      name: String(name),
      type: fieldOf(concrete(expression as ProtoNode).node, 'type') as SqlType,
    }));
    const { statements, faults } = await checkScript(this.#googleSql, { sql, parameters }, this.#objects);
    this.statements += statements;
    for (const fault of faults) this.#refuse(node, `in the text of EXECUTE IMMEDIATE: ${fault}`);
  }

  async #declare(node: ProtoNode, scope: Scope): Promise<Scope> {
    const written = childOf(node, 'type');
    const declared = written && typeOf(await this.#analyze(written, scope, 'select cast(null as ', ')'));
    const initial = await this.#value(childOf(node, 'defaultValue'), scope, declared);
    const type = declared ?? initial;
    const names = identifiers(childOf(node, 'variableList'));
    const added = type === undefined ? [] : names.map((name) => ({ name, type }));
    return { ...scope, variables: new Map([...scope.variables, ...variablesOf(added)]) };
  }

  async #assign(node: ProtoNode, names: readonly string[], scope: Scope): Promise<void> {
    const variables = names.map((name) => scope.variables.get(name.toLowerCase()));
    const types = variables.flatMap((variable) => variable?.type ?? []);
    const missing = names.find((_, i) => variables[i] === undefined);
    if (missing !== undefined) this.#refuse(node, `Undeclared variable: ${missing}`);
    const single = childOf(node, 'expression');
    const target = single === undefined ? structOf(types) : types[0];
    await this.#value(
      single ?? childOf(node, 'structExpression'),
      scope,
      missing === undefined ? target : undefined,
    );
  }

  /** A condition, and the statements that depend on it. LOOP has no condition. */
  async #branch(node: ProtoNode, body: string, scope: Scope): Promise<void> {
    await this.#value(childOf(node, 'condition'), scope, BOOL);
    await this.#list(childOf(node, body), scope);
  }

  async #for(node: ProtoNode, scope: Scope): Promise<void> {
    const query = await this.#analyze(
      childOf(node, 'query') ?? {},
      scope,
      'select (select as struct * from (',
      '))',
    );
    const [name = ''] = textsOf(childOf(node, 'variable') ?? {}, 'idString');
    const type = query && typeOf(query);
    const row = type === undefined ? [] : [{ name, type }];
    const variables = new Map([...scope.variables, ...variablesOf(row)]);
    await this.#list(childOf(node, 'body'), { ...scope, variables });
  }

  /** The type of an expression, which must be convertible as an assignment to `target` converts it. */
  async #value(
    expression: ProtoNode | undefined,
    scope: Scope,
    target?: SqlType,
  ): Promise<SqlType | undefined> {
    if (expression === undefined) return undefined;
    const targets = target === undefined ? [] : [target];
    const query = await this.#analyze(concrete(expression).node, scope, 'select (', ')', targets);
    return query && typeOf(query);
  }

  /** Analyzes a part of the text between others; undefined if it is refused. */
  async #analyze(
    node: ProtoNode,
    { variables, parameters, inHandler }: Scope,
    before = '',
    after = '',
    targets: readonly SqlType[] = [],
  ): Promise<ProtoNode | undefined> {
    const { start, end } = rangeOf(node);
    const sql = `${before}${this.#bytes.subarray(start, end)}${after}`;
    const surroundings: Surroundings = {
      catalog: this.#objects.catalogFor(sql),
      variables: [...variables.values()],
      ...{ parameters, inHandler, targets },
    };
    try {
      return await this.#googleSql.analyze(sql, surroundings);
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw error;
      const column = error.line === 1 ? Math.max(1, error.column - before.length) : error.column;
      this.#refuse(node, error.reason, error.line, column);
      return undefined;
    }
  }

  /** `line` and `column` are the place within the node. */
  #refuse(node: ProtoNode, reason: string, line = 1, column = 1): void {
    const lines = this.#bytes.subarray(0, rangeOf(node).start).toString().split('\n');
    const columnsBefore = line === 1 ? [...(lines.at(-1) ?? '')].length : 0;
    this.faults.push(`${lines.length + line - 1}:${columnsBefore + column} ${reason}`);
  }
}

const rangeOf = (node: ProtoNode): { start: number; end: number } =>
  childOf(concrete(node).node, 'parseLocationRange') as unknown as { start: number; end: number };

/** The type of a query's only column. */
const typeOf = (query: ProtoNode | undefined): SqlType | undefined =>
  query &&
  (childOf(childrenOf(concrete(query).node, 'outputColumnList')[0] ?? {}, 'column')?.type as SqlType);

const identifiers = (list: ProtoNode | undefined): string[] =>
  childrenOf(list, 'identifierList').flatMap((identifier) => textsOf(identifier, 'idString'));

const variablesOf = (columns: readonly SqlColumn[]): Map<string, SqlColumn> =>
  new Map(columns.map((column) => [column.name.toLowerCase(), column]));
