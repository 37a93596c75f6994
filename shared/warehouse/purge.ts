import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { BigQueryType } from '../model/columns.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import type { TableField } from './columns-match.ts';
import { findTable } from './found-table.ts';
import { resultRows } from './job-results.ts';
import { objectNames } from './names.ts';
import { type Purge, purgeableSql, purgeSql } from './purge-sql.ts';
import { runJobToCompletion } from './run-job.ts';
import type { Layout } from './tables-sql.ts';

/** A purge of one view's target. Each `runName` runs it anew. */
export type PurgeRun = Purge & { view: string; runName: string };

/**
 * The part of the warehouse that removes rows which are marked as deleted. Both throw `invalid_event` if the target does not exist, and
 * `transient` when their job outlives the deadline.
 */
export function createPurge({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  async function run(
    step: string,
    query: string,
    { view, runName }: PurgeRun,
    deadline: Deadline,
  ): Promise<Record<string, unknown> | undefined> {
    const context = { view };
    const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
      id: nameOf(step, view, runName, jobAttempt),
      configuration: { query: { query, useLegacySql: false } },
      labels: { view, step },
      context,
    }));
    return (await resultRows(job, context))[0];
  }

  async function fieldsOf({ target, view }: PurgeRun): Promise<TableField[]> {
    const name = objectNames(datasets, { target }).target;
    const table = await findTable(await openBigQuery(), name);
    if (table !== null) return table.fields;
    throw new DataHubError('invalid_event', `table ${name} does not exist`, {
      context: { view },
      advice: 'There is nothing to purge: the next extract creates the table.',
    });
  }

  return {
    /** How many rows of a merged target a purge would remove. */
    async countPurgeable(purge: PurgeRun, deadline: Deadline): Promise<bigint> {
      await fieldsOf(purge);
      const row = await run('purgeable', purgeableSql(datasets, purge), purge, deadline);
      return BigInt(String(row?.purgeable));
    },

    /** Removes these rows in one transaction, and returns their number. */
    async purge(purge: PurgeRun, partition: Layout['partition'], deadline: Deadline): Promise<bigint> {
      const field = (await fieldsOf(purge)).find(({ name }) => name === partition?.column);
      // A layout that the target does not have yet bounds nothing.
      const bounded = field === undefined ? null : partition;
      const type = (field?.type ?? 'TIMESTAMP') as BigQueryType;
      const row = await run('purge', purgeSql(datasets, purge, bounded, type), purge, deadline);
      return BigInt(String(row?.purged));
    },
  };
}
