import { VARCHAR } from '@duckdb/node-api';
import type { TypedValue } from '../engine.ts';
import { BigQueryError, invalidQuery, unsupported } from '../error.ts';
import { parseType, storageType } from '../field.ts';
import { resolveRoutine } from '../names.ts';
import type { Outcome, StatementContext } from '../statement/statement-context.ts';
import { Evaluator } from './evaluator.ts';
import { parseScript } from './parse.ts';
import type { Statement, StatementOf } from './statement.ts';
import type { Position } from './tokenize.ts';
import { Variables } from './variables.ts';

/** Runs the statements of a script that are not procedural. */
export interface StatementRunner {
  run(text: string): Promise<Outcome>;
  createProcedure(statement: StatementOf<'procedure'>): Promise<void>;
}

/** Why a list of statements stopped before its end. */
type Exit = 'break' | 'continue' | 'return' | undefined;

/** The position and the statement of an error. */
interface Origin {
  readonly at: Position;
  readonly procedure: string | undefined;
  readonly statement: string;
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#call */
const MAX_CALL_DEPTH = 50;

/**
 * Interprets GoogleSQL's procedural language. One instance runs one script.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language
 */
export class Interpreter {
  readonly #context: StatementContext;
  readonly #runner: StatementRunner;
  readonly #stopSignal: AbortSignal;
  readonly #origins = new WeakMap<BigQueryError, Origin>();
  readonly #evaluator: Evaluator;
  #variables = new Variables();
  /** `dataset.procedure` of the procedure that is running. */
  #procedure: string | undefined;
  #depth = 0;
  /** The errors whose handlers are running, innermost last. */
  readonly #handled: BigQueryError[] = [];

  constructor(context: StatementContext, runner: StatementRunner) {
    this.#context = context;
    this.#runner = runner;
    this.#stopSignal = context.stopSignal;
    this.#evaluator = new Evaluator(context);
  }

  /**
   * Runs the script and rolls back a transaction that is still open at the end, with or without an error.
   * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#begin_transaction
   * @throws BigQueryError with the position of the error in its message, as BigQuery reports it.
   */
  async run(statements: readonly Statement[]): Promise<void> {
    try {
      this.#context.variables = this.#variables.values;
      await this.#sequence(statements);
    } catch (error) {
      throw error instanceof BigQueryError ? this.#located(error) : error;
    } finally {
      if (this.#context.transaction) await this.#context.endTransaction(false);
    }
  }

  async #sequence(statements: readonly Statement[]): Promise<Exit> {
    for (const statement of statements) {
      const exit = await this.#statement(statement);
      if (exit) return exit;
    }
    return undefined;
  }

  async #statement(statement: Statement): Promise<Exit> {
    this.#stopSignal.throwIfAborted();
    try {
      return await this.#execute(statement);
    } catch (thrown) {
      const error = this.#stopSignal.aborted ? this.#stopSignal.reason : thrown;
      if (error instanceof BigQueryError && !this.#origins.has(error)) {
        this.#origins.set(error, { at: statement.at, procedure: this.#procedure, statement: statement.text });
      }
      throw error;
    }
  }

  async #execute(statement: Statement): Promise<Exit> {
    switch (statement.kind) {
      case 'sql':
        await this.#sql(statement.text);
        return undefined;
      case 'declare':
        await this.#declare(statement);
        return undefined;
      case 'set':
        await this.#set(statement);
        return undefined;
      case 'if':
        return await this.#if(statement);
      case 'while':
      case 'loop':
        return await this.#loop(statement);
      case 'block':
        return await this.#block(statement);
      case 'raise':
        return await this.#raise(statement);
      case 'assert':
        await this.#assert(statement);
        return undefined;
      case 'call':
        await this.#call(statement);
        return undefined;
      case 'execute':
        await this.#executeImmediate(statement);
        return undefined;
      case 'procedure':
        await this.#runner.createProcedure(statement);
        return undefined;
      case 'begin':
        await this.#context.beginTransaction();
        return undefined;
      case 'commit':
      case 'rollback':
        await this.#context.endTransaction(statement.kind === 'commit');
        return undefined;
      case 'break':
      case 'continue':
      case 'return':
        return statement.kind;
    }
  }

  async #sql(text: string): Promise<Outcome> {
    const outcome = await this.#runner.run(text);
    // https://cloud.google.com/bigquery/docs/reference/system-variables
    const count = outcome.statistics.numDmlAffectedRows;
    if (count !== undefined) {
      this.#context.system.set('row_count', await this.#context.session.value(`select ${count}::bigint`));
    }
    return outcome;
  }

  async #declare({ names, type, initial }: StatementOf<'declare'>): Promise<void> {
    const storage = type === undefined ? undefined : storageType(parseType(type));
    const value = initial
      ? await this.#evaluator.value(initial, storage)
      : await this.#evaluator.null(storage ?? 'bigint');
    for (const name of names) this.#variables.declare(name, value);
  }

  async #set({ targets, value, tuple }: StatementOf<'set'>): Promise<void> {
    const types = targets.map((target) => this.#variables.get(target).type);
    const [only] = types;
    const values =
      tuple || !only
        ? await this.#evaluator.fields(value, types)
        : [await this.#evaluator.value(value, only.toString())];
    this.#assign(targets, values);
  }

  #assign(targets: readonly string[], values: readonly TypedValue[]): void {
    for (const [index, target] of targets.entries()) {
      const value = values[index];
      if (!value) throw invalidQuery(`No value for variable ${target}`);
      this.#variables.set(target, value);
    }
  }

  async #if({ branches, otherwise }: StatementOf<'if'>): Promise<Exit> {
    for (const { condition, body } of branches) {
      if (await this.#evaluator.isTrue(condition)) return await this.#sequence(body);
    }
    return await this.#sequence(otherwise);
  }

  async #loop(statement: StatementOf<'while'> | StatementOf<'loop'>): Promise<Exit> {
    while (statement.kind === 'loop' || (await this.#evaluator.isTrue(statement.condition))) {
      this.#stopSignal.throwIfAborted();
      const exit = await this.#sequence(statement.body);
      if (exit === 'break') return undefined;
      if (exit === 'return') return exit;
    }
    return undefined;
  }

  /** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#beginexceptionend */
  async #block({ body, handler }: StatementOf<'block'>): Promise<Exit> {
    const outer = new Set(this.#variables.values.keys());
    try {
      return await this.#sequence(body);
    } catch (error) {
      // A stopped job ends; its handlers do not run.
      if (!handler || !(error instanceof BigQueryError) || this.#stopSignal.aborted) throw error;
      return await this.#handle(error, handler, outer);
    } finally {
      this.#variables.leave(outer);
    }
  }

  async #handle(
    error: BigQueryError,
    handler: readonly Statement[],
    outer: ReadonlySet<string>,
  ): Promise<Exit> {
    this.#variables.leave(outer);
    const before = [...this.#context.system];
    this.#handled.push(error);
    this.#context.system.set('error.message', { type: VARCHAR, value: error.message });
    this.#context.system.set('error.statement_text', {
      type: VARCHAR,
      value: this.#origins.get(error)?.statement ?? '',
    });
    try {
      return await this.#sequence(handler);
    } finally {
      this.#handled.pop();
      this.#context.system.clear();
      for (const [name, value] of before) this.#context.system.set(name, value);
    }
  }

  /** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#raise */
  async #raise({ message }: StatementOf<'raise'>): Promise<never> {
    if (message) throw invalidQuery(String((await this.#evaluator.value(message, 'VARCHAR')).value));
    const handled = this.#handled.at(-1);
    if (!handled) throw invalidQuery('Cannot re-raise an existing exception outside of an exception handler');
    throw handled;
  }

  async #assert({ condition, message }: StatementOf<'assert'>): Promise<void> {
    if (await this.#evaluator.isTrue(condition)) return;
    throw invalidQuery(
      message ? String((await this.#evaluator.value(message)).value) : `Assertion failed: ${condition.text}`,
    );
  }

  /** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#call */
  async #call({ procedure, arguments: given }: StatementOf<'call'>): Promise<void> {
    const reference = resolveRoutine(procedure, this.#context.defaults);
    this.#context.checkLocation(reference);
    const routine = this.#context.warehouse.catalog.routine(reference);
    if (given.length !== routine.arguments.length) {
      throw invalidQuery(
        `Procedure ${procedure} takes ${routine.arguments.length} argument(s) but got ${given.length}`,
      );
    }
    if (this.#depth >= MAX_CALL_DEPTH) {
      throw invalidQuery(`Procedures are nested deeper than ${MAX_CALL_DEPTH} calls`);
    }
    const inner = new Variables();
    for (const [index, { name, mode, type }] of routine.arguments.entries()) {
      const storage = storageType(parseType(type));
      const expression = given[index];
      const value =
        expression && mode !== 'OUT'
          ? await this.#evaluator.value(expression, storage)
          : await this.#evaluator.null(storage);
      inner.declare(name, value);
    }
    await this.#within(inner, `${reference.datasetId}.${reference.routineId}`, routine.body);
    for (const [index, { name, mode }] of routine.arguments.entries()) {
      if (mode !== 'IN') this.#variables.set(given[index]?.text.trim() ?? '', inner.get(name));
    }
  }

  /** Runs the body of a procedure with its own variables. */
  async #within(variables: Variables, procedure: string, body: string): Promise<void> {
    const before = { variables: this.#variables, procedure: this.#procedure };
    this.#variables = variables;
    this.#procedure = procedure;
    this.#context.variables = variables.values;
    this.#depth += 1;
    try {
      await this.#sequence(parseScript(body));
    } finally {
      this.#depth -= 1;
      this.#variables = before.variables;
      this.#procedure = before.procedure;
      this.#context.variables = before.variables.values;
    }
  }

  /** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#execute_immediate */
  async #executeImmediate({ sql, into, using }: StatementOf<'execute'>): Promise<void> {
    const text = String((await this.#evaluator.value(sql, 'VARCHAR')).value);
    const parameters = new Map<string, TypedValue>();
    for (const [index, { name, value }] of using.entries()) {
      parameters.set(name?.toLowerCase() ?? String(index + 1), await this.#evaluator.value(value));
    }
    const [statement, ...others] = parseScript(text);
    if (statement?.kind !== 'sql' || others.length > 0) {
      throw unsupported('EXECUTE IMMEDIATE of anything but one SQL statement');
    }
    const outer = this.#context.parameters;
    this.#context.parameters = parameters;
    try {
      if (into.length === 0) await this.#sql(statement.text);
      else {
        const types = into.map((target) => this.#variables.get(target).type);
        this.#assign(into, await this.#evaluator.columns(statement.text, types));
      }
    } finally {
      this.#context.parameters = outer;
    }
  }

  #located(error: BigQueryError): BigQueryError {
    const origin = this.#origins.get(error);
    if (!origin || error.reason === 'stopped') return error;
    const { at, procedure } = origin;
    const place = `${procedure === undefined ? '' : `${procedure}:`}${at.line}:${at.column}`;
    return new BigQueryError(error.reason, `Query error: ${error.message} at [${place}]`, error.location);
  }
}
