import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { LoadedFiles } from '../model/staged-format.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { failedStatements, jobExists } from './find-job.ts';
import { resultRows } from './job-results.ts';
import type { JobSpec } from './job-spec.ts';
import { type Load, loadError, loadSpec } from './load-job.ts';
import { appliedMerge, type MergeOutcome, mergeFailure } from './merge-outcome.ts';
import { objectNames } from './names.ts';
import { callSql } from './procedure-sql.ts';
import { runJob, runJobToCompletion, runJobWithRetries } from './run-job.ts';
import { deletesSql } from './tables-sql.ts';

type AttemptOfBatch = Pick<Attempt, 'view' | 'etlTransactionId' | 'attempt'>;

/** The part of the warehouse that writes merged views. */
export function createMergeTarget({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  const mergeJobId = ({ view, etlTransactionId, attempt }: AttemptOfBatch): string =>
    nameOf('merge', view, etlTransactionId, attempt);

  return {
    /** The id of the job that merges a batch in one attempt. */
    mergeJobId,

    /**
     * Appends the staged objects to the temp table, all or none. Returns the load job's id, or null when the job outlives the deadline; the
     * next call finds it by its id. Throws `staging_lost` when a staged object is gone.
     */
    async load(attempt: Attempt, files: LoadedFiles, deadline: Deadline): Promise<string | null> {
      const bigquery = await openBigQuery();
      const load: Load = {
        files,
        table: objectNames(datasets, attempt).temp,
        writeDisposition: 'WRITE_APPEND',
      };
      const outcome = await runJobWithRetries(bigquery, deadline, (jobAttempt) =>
        loadSpec(
          nameOf('load', attempt.view, attempt.etlTransactionId, attempt.attempt, jobAttempt),
          attempt,
          load,
        ),
      ).catch(async (error: unknown) => {
        throw await loadError(error, bigquery, load);
      });
      return outcome.state === 'done' ? outcome.id : null;
    },

    /**
     * Counts what a complete batch would delete from a merged target, and its rows in the temp table. Each `runName` counts anew. Throws
     * `transient` when the job outlives the deadline.
     */
    async countDeletes(
      attempt: Attempt,
      keyColumn: string,
      runName: string,
      deadline: Deadline,
    ): Promise<{ rows: bigint; deletes: bigint; staged: bigint }> {
      const { target, etlTransactionId } = attempt;
      const query = deletesSql(datasets, { target, keyColumn }, etlTransactionId);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('deletes', attempt.view, etlTransactionId, attempt.attempt, runName, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: labelsOf(attempt, 'deletes'),
        context: contextOf(attempt),
      }));
      const [row] = await resultRows(job, contextOf(attempt));
      const count = (name: string) => BigInt(String(row?.[name]));
      return { rows: count('target_rows'), deletes: count('deletes'), staged: count('staged') };
    },

    /** Whether the job of an attempt to merge a batch was started before. */
    async hasBegunMerge(attempt: AttemptOfBatch): Promise<boolean> {
      const { view, etlTransactionId } = attempt;
      return await jobExists(await openBigQuery(), mergeJobId(attempt), { view, etlTransactionId });
    },

    /**
     * Calls the view's procedure, or finds the job of an earlier call, and waits for its end until the deadline. `rows` is the number of staged
     * rows, or EMPTY_VIEW.
     */
    async merge(attempt: Attempt, rows: bigint, deadline: Deadline): Promise<MergeOutcome> {
      const bigquery = await openBigQuery();
      const outcome = await runJob(bigquery, mergeSpec(attempt, rows), deadline).catch((error: unknown) => {
        if (error instanceof DataHubError && error.kind === 'batch_id_collision') {
          return { state: 'batch_id_collision', error } as const;
        }
        throw error;
      });
      switch (outcome.state) {
        case 'running':
        case 'batch_id_collision':
          return outcome;
        case 'done': {
          const [row] = await resultRows(outcome.job, contextOf(attempt));
          return appliedMerge(row, attempt);
        }
        case 'failed': {
          const { id } = mergeSpec(attempt, rows);
          const context = contextOf(attempt);
          return mergeFailure(outcome, attempt, await failedStatements(bigquery, { id, context }));
        }
      }
    },
  };

  function mergeSpec(attempt: Attempt, rows: bigint): JobSpec {
    const parameter = (name: string, value: bigint) => ({
      name,
      parameterType: { type: 'INT64' },
      parameterValue: { value: String(value) },
    });
    return {
      id: mergeJobId(attempt),
      configuration: {
        query: {
          query: callSql(datasets, attempt),
          useLegacySql: false,
          parameterMode: 'NAMED',
          queryParameters: [parameter('batch_id', attempt.etlTransactionId), parameter('batch_rows', rows)],
        },
      },
      labels: labelsOf(attempt, 'merge'),
      context: contextOf(attempt),
    };
  }
}
