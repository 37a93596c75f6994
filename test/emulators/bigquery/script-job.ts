import type { Faults } from '../faults.ts';
import { billedBytes } from './billed-bytes.ts';
import { createdNow } from './catalog.ts';
import { BigQueryError, invalidQuery, unsupported } from './error.ts';
import { parseType } from './field.ts';
import type { Job } from './job.ts';
import { underFault } from './job-faults.ts';
import { generatedJobId, type Jobs } from './jobs.ts';
import { resolveRoutine } from './names.ts';
import { Interpreter, type StatementRunner } from './script/interpret.ts';
import { parseScript } from './script/parse.ts';
import type { Statement, StatementOf } from './script/statement.ts';
import { DDL_IN_TRANSACTION, runStatement } from './statement/run-statement.ts';
import { skippingDuplicate } from './statement/skipping-duplicate.ts';
import type { Outcome, StatementContext } from './statement/statement-context.ts';

/**
 * Runs the statements of a query job. A single statement runs as the job itself. Each statement of a script runs as a child job, and the
 * result of the job is that of the last statement.
 * https://cloud.google.com/bigquery/docs/multi-statement-queries#collect_information_about_a_multi-statement_query_job
 */
export class ScriptJob {
  readonly #job: Job;
  readonly #statements: readonly Statement[];
  readonly #context: StatementContext;
  readonly #jobs: Jobs;
  readonly #faults: Faults;
  readonly #children: Job[] = [];

  constructor(
    job: Job,
    statements: readonly Statement[],
    context: StatementContext,
    { jobs, faults }: { jobs: Jobs; faults: Faults },
  ) {
    this.#job = job;
    this.#statements = statements;
    this.#context = context;
    this.#jobs = jobs;
    this.#faults = faults;
  }

  /** @throws BigQueryError of a failed statement, unless the script handles it. */
  async run(): Promise<void> {
    const [only] = this.#statements;
    const alone = this.#statements.length === 1 ? only : undefined;
    if (alone?.kind === 'sql') return this.#finish(this.#job, await runStatement(alone.text, this.#context));
    if (alone?.kind === 'procedure') return this.#finish(this.#job, await this.#createProcedure(alone));
    if (this.#context.isDryRun) throw unsupported('dry runs of scripts');
    const runner: StatementRunner = {
      run: (text) => this.#asChild(text, () => runStatement(text, this.#context)),
      createProcedure: async (statement) => {
        await this.#asChild(statement.text, () => this.#createProcedure(statement));
      },
    };
    this.#job.record.query = { statementType: alone?.kind === 'call' ? 'CALL' : 'SCRIPT' };
    try {
      await new Interpreter(this.#context, runner).run(this.#statements);
    } finally {
      this.#job.record.numChildJobs = this.#children.length;
      await this.#jobs.save(...this.#children.map(({ record }) => record));
    }
  }

  /** What the statements of the script bill together. */
  get billedByChildren(): bigint {
    return this.#children.reduce((sum, { record }) => sum + BigInt(record.query?.totalBytesBilled ?? 0), 0n);
  }

  async #asChild(text: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const { jobId, projectId, location } = this.#job.record.reference;
    const reference = { projectId, location, jobId: generatedJobId('script_job') };
    const child = this.#jobs.add(reference, { query: { query: text, useLegacySql: false } }, jobId);
    child.record.evaluationKind = 'STATEMENT';
    this.#children.push(child);
    child.start();
    const { referenced } = this.#context;
    const before = new Map(referenced);
    referenced.clear();
    try {
      const { stopSignal } = this.#context;
      const outcome = await underFault(this.#faults, 'bigquery.job.statement', stopSignal, work);
      this.#finish(child, outcome);
      const isFree = outcome.statistics.ddlOperationPerformed !== undefined;
      child.record.query = {
        ...outcome.statistics,
        totalBytesBilled: String(isFree ? 0n : billedBytes(0n, referenced.size)),
      };
      // Also if the last statement has no result.
      if (outcome.result) this.#job.record.result = outcome.result;
      else delete this.#job.record.result;
      child.end(child.endingWith());
      return outcome;
    } catch (error) {
      const failure =
        error instanceof BigQueryError ? error : new BigQueryError('internalError', String(error));
      child.end(child.endingWith(failure));
      throw error;
    } finally {
      for (const [name, reference] of before) referenced.set(name, reference);
    }
  }

  #finish({ record }: Job, { statistics, result }: Outcome): void {
    record.query = statistics;
    if (result) record.result = result;
  }

  async #createProcedure({ procedure }: StatementOf<'procedure'>): Promise<Outcome> {
    // https://cloud.google.com/bigquery/docs/transactions#limitations
    if (this.#context.transaction) throw invalidQuery(DDL_IN_TRANSACTION);
    for (const { type } of procedure.arguments) parseType(type);
    parseScript(procedure.body.text);
    const routine = {
      reference: resolveRoutine(procedure.name, this.#context.defaults),
      arguments: procedure.arguments,
      body: procedure.body.text,
      ...createdNow(),
    };
    this.#context.checkLocation(routine.reference);
    if (this.#context.isDryRun) return { statistics: { statementType: 'CREATE_PROCEDURE' } };
    return await skippingDuplicate('CREATE_PROCEDURE', procedure.ifNotExists, () =>
      this.#context.warehouse.catalog.putRoutine(routine, { mustBeNew: !procedure.replace }),
    );
  }
}
