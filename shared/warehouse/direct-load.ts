import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { LoadedFiles } from '../model/staged-format.ts';
import type { Attempt } from './attempt.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { loadError, loadSpec } from './load-job.ts';
import { objectNames } from './names.ts';
import { runJobWithRetries } from './run-job.ts';

/** How a load into a target ended; `running`: its job outlives the deadline. */
export type DirectLoad = { state: 'loaded'; jobId: string } | { state: 'has rows' } | { state: 'running' };

/** The part of the warehouse that loads a whole view straight into its target. */
export function createDirectLoad({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  return {
    /** The start of the ids of the jobs that load a batch into a merged target: the same for all attempts to merge it. */
    directLoadName: ({ view, etlTransactionId }: Pick<Attempt, 'view' | 'etlTransactionId'>): string =>
      nameOf('direct', view, etlTransactionId),

    /**
     * Loads the staged objects of a complete batch into the empty target, all or none, by jobs whose ids begin with `name`. Safe to repeat: a
     * second call finds the job by its id. If the target `has rows`, nothing is loaded; they may be those of a job of the same name whose success
     * was reported as a failure. Throws `staging_lost` when a staged object is gone.
     */
    async loadEmptyTarget(
      name: string,
      attempt: Attempt,
      files: LoadedFiles,
      deadline: Deadline,
    ): Promise<DirectLoad> {
      const { target } = objectNames(datasets, attempt);
      const bigquery = await openBigQuery();
      try {
        const outcome = await runJobWithRetries(bigquery, deadline, (jobAttempt) => ({
          ...loadSpec(`${name}_${jobAttempt}`, attempt, {
            files,
            table: target,
            writeDisposition: 'WRITE_EMPTY',
          }),
          kinds: new Map([['duplicate', 'configuration']]),
        }));
        return outcome.state === 'done' ? { state: 'loaded', jobId: outcome.id } : { state: 'running' };
      } catch (error) {
        if (error instanceof DataHubError && error.context.code === 'duplicate') return { state: 'has rows' };
        throw await loadError(error, bigquery, { table: target });
      }
    },
  };
}
