import { VARCHAR } from '@duckdb/node-api';
import type { TypedValue } from '../engine.ts';
import { BigQueryError, invalidQuery } from '../error.ts';
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

/** The place and the statement of an error. */
interface Origin {
  readonly at: Position;
  readonly procedure: string | undefined;
  readonly statement: string;
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#call */
const MAX_CALL_DEPTH = 50;

/** Interprets GoogleSQL's procedural language. One instance runs one script. https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language */
export class Interpreter {
  readonly #context: StatementContext;
  readonly #runner: StatementRunner;
  readonly #stopSignal: AbortSignal;
  readonly #origins = new WeakMap<BigQueryError, Origin>();
  readonly #evaluator: Evaluator;
  #variables = new Variables();
  /** `dataset.procedure` of the running body. */
  #procedure: string | undefined;
  #depth = 0;
  /** The errors of the running handlers, the innermost last. */
  readonly #handled: BigQueryError[] = [];

  constructor(context: StatementContext, runner: StatementRunner) {
    this.#context = context;
    this.#runner = runner;
    this.#stopSignal = context.stopSignal;
    this.#evaluator = new Evaluator(context);
  }

  /**
   * Rolls back a transaction that is still open at the end: https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#begin_transaction
   * @throws BigQueryError with the place of the error in its message [not documented].
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

  async #sequence(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) await this.#statement(statement);
  }

  async #statement(statement: Statement): Promise<void> {
    this.#stopSignal.throwIfAborted();
    try {
      await this.#execute(statement);
    } catch (thrown) {
      const error = this.#stopSignal.aborted ? this.#stopSignal.reason : thrown;
      if (error instanceof BigQueryError && !this.#origins.has(error)) {
        this.#origins.set(error, { at: statement.at, procedure: this.#procedure, statement: statement.text });
      }
      throw error;
    }
  }

  async #execute(statement: Statement): Promise<void> {
    switch (statement.kind) {
      case 'sql':
        return await this.#sql(statement.text);
      case 'declare':
        return await this.#declare(statement);
      case 'set':
        return await this.#set(statement);
      case 'if':
        return await this.#if(statement);
      case 'while':
        return await this.#while(statement);
      case 'block':
        return await this.#block(statement);
      case 'raise':
        return await this.#raise(statement);
      case 'call':
        return await this.#call(statement);
      case 'procedure':
        return await this.#runner.createProcedure(statement);
      case 'begin':
        return await this.#context.beginTransaction();
      case 'commit':
      case 'rollback':
        return await this.#context.endTransaction(statement.kind === 'commit');
    }
  }

  async #sql(text: string): Promise<void> {
    const { statistics } = await this.#runner.run(text);
    const count = statistics.numDmlAffectedRows;
    // https://cloud.google.com/bigquery/docs/reference/system-variables
    if (count !== undefined) {
      this.#context.system.set('row_count', await this.#context.session.value(`select ${count}::bigint`));
    }
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

  async #if({ branches, otherwise }: StatementOf<'if'>): Promise<void> {
    for (const { condition, body } of branches) {
      if (await this.#evaluator.isTrue(condition)) return await this.#sequence(body);
    }
    await this.#sequence(otherwise);
  }

  async #while({ condition, body }: StatementOf<'while'>): Promise<void> {
    while (await this.#evaluator.isTrue(condition)) {
      this.#stopSignal.throwIfAborted();
      await this.#sequence(body);
    }
  }

  /** https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#beginexceptionend */
  async #block({ body, handler }: StatementOf<'block'>): Promise<void> {
    const outer = new Set(this.#variables.values.keys());
    try {
      await this.#sequence(body);
    } catch (error) {
      // No handler can keep a job that was stopped.
      if (!handler || !(error instanceof BigQueryError) || this.#stopSignal.aborted) throw error;
      await this.#handle(error, handler, outer);
    } finally {
      this.#variables.leave(outer);
    }
  }

  async #handle(
    error: BigQueryError,
    handler: readonly Statement[],
    outer: ReadonlySet<string>,
  ): Promise<void> {
    this.#variables.leave(outer);
    const before = [...this.#context.system];
    this.#handled.push(error);
    this.#context.system.set('error.message', { type: VARCHAR, value: error.message });
    this.#context.system.set('error.statement_text', {
      type: VARCHAR,
      value: this.#origins.get(error)?.statement ?? '',
    });
    try {
      await this.#sequence(handler);
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
    // What is raised again keeps message and stack trace; nothing is said of its reason.
    const again = invalidQuery(handled.message);
    const origin = this.#origins.get(handled);
    if (origin) this.#origins.set(again, origin);
    throw again;
  }

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
    for (const [index, { name, type }] of routine.arguments.entries()) {
      const storage = storageType(parseType(type));
      const expression = given[index];
      if (expression) inner.declare(name, await this.#evaluator.value(expression, storage));
    }
    await this.#runBody(inner, `${reference.datasetId}.${reference.routineId}`, routine.body);
  }

  /** Runs the body of a procedure with variables of its own. */
  async #runBody(variables: Variables, procedure: string, body: string): Promise<void> {
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

  #located(error: BigQueryError): BigQueryError {
    const origin = this.#origins.get(error);
    if (!origin || error.reason === 'stopped') return error;
    const { at, procedure } = origin;
    const place = `${procedure === undefined ? '' : `${procedure}:`}${at.line}:${at.column}`;
    return new BigQueryError(error.reason, `Query error: ${error.message} at [${place}]`, error.location);
  }
}
