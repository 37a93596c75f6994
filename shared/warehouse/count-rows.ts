import type { Deadline } from '../deadline.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { resultRows } from './job-results.ts';
import { runJobToCompletion } from './run-job.ts';
import { countRowsSql } from './tables-sql.ts';

/** The part of the warehouse that counts the rows of a merged target by a query, whatever the table's metadata say. */
export function createRowCount({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  return {
    /**
     * Counts the rows that are not deleted. Calls under the same `runName` count once: they find the job, whose result BigQuery keeps for
     * about a day. Throws `transient` when the job outlives the deadline.
     */
    async countRows(
      { view, target, runName }: { view: string; target: string; runName: string },
      deadline: Deadline,
    ): Promise<bigint> {
      const query = countRowsSql(datasets, { target });
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('rows', view, runName, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view, step: 'rows' },
        context: { view },
      }));
      const [row] = await resultRows(job, { view });
      return BigInt(String(row?.target_rows));
    },
  };
}
