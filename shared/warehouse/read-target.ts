import { randomUUID } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import type { TargetSnapshot } from '../model/target-snapshot.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { type FoundTable, findTable } from './found-table.ts';
import { resultRows } from './job-results.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';
import { replacementName } from './replacement-sql.ts';
import { runJobToCompletion } from './run-job.ts';
import { snapshotOf } from './target-snapshot.ts';

/** What a view's tables already contain: the highest batch id (0 for none), and the number of rows that are not deleted. */
export type TargetState = { highestBatchId: bigint; targetRows: bigint };

/** A target as it is found, which another release or somebody else may have made: whether it has the columns, and whether there is a ledger. */
type Contents = { table: string; columns: readonly string[]; hasLedger: boolean };

/** The part of the warehouse that looks at a target before anything of it changes. */
export function createTargetReader({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  return {
    /** The target as it is, or the new one that has its rows, but not its name yet; null if there is neither. */
    async findTarget({ targetName }: Pick<ViewSource, 'targetName'>): Promise<FoundTable | null> {
      const [bigquery, { target }] = [await openBigQuery(), objectNames(datasets, { target: targetName })];
      return (await findTable(bigquery, target)) ?? (await findTable(bigquery, replacementName(target)));
    },

    /** What the target is like now; null if it does not exist. */
    async snapshotTarget({
      targetName,
      loadType,
    }: Pick<ViewSource, 'targetName' | 'loadType'>): Promise<TargetSnapshot | null> {
      const { target } = objectNames(datasets, { target: targetName });
      const found = await findTable(await openBigQuery(), target);
      return found === null ? null : snapshotOf(found, loadType);
    },

    /** Reads the rows of a target and the batches of its view in the ledger. Throws `transient` when the job outlives the deadline. */
    async readTarget(
      { name: view, targetName, loadType }: Pick<ViewSource, 'name' | 'targetName' | 'loadType'>,
      { name: table, fields }: FoundTable,
      deadline: Deadline,
    ): Promise<TargetState> {
      const bigquery = await openBigQuery();
      const { ledger } = objectNames(datasets, { target: targetName });
      const hasLedger = loadType === 'merge' && (await findTable(bigquery, ledger)) !== null;
      const query = contentsSql(datasets, view, {
        table,
        columns: fields.map(({ name }) => name),
        hasLedger,
      });
      const [run, context] = [randomUUID(), { view }];
      const job = await runJobToCompletion(bigquery, deadline, (jobAttempt) => ({
        id: nameOf('contents', view, run, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view, step: 'contents' },
        context,
      }));
      const [row] = await resultRows(job, context);
      return { highestBatchId: BigInt(String(row?.highest)), targetRows: BigInt(String(row?.target_rows)) };
    },
  };
}

/** Selects the highest batch id of a view in a target and in the ledger, and the number of rows that are not deleted. Reads only. */
export function contentsSql(
  datasets: Datasets,
  view: string,
  { table, columns, hasLedger }: Contents,
): string {
  const { ledger } = objectNames(datasets, { target: '' });
  const batchIds = [
    ...(columns.includes('etl_transaction_id')
      ? [`select max(t.etl_transaction_id) from ${quoted(table)} t`]
      : []),
    ...(hasLedger
      ? [`select max(l.etl_transaction_id) from ${quoted(ledger)} l where l.view = ${stringLiteral(view)}`]
      : []),
  ];
  const counted = columns.includes('is_deleted') ? 'countif(not coalesce(t.is_deleted, false))' : 'count(*)';
  return `-- The highest batch id of ${view}, and the number of rows in its target that are not deleted. Reads only.
select
  greatest(${[...batchIds.map((query) => `coalesce((${query}), 0)`), '0'].join(', ')}) as highest,
  (select ${counted} from ${quoted(table)} t) as target_rows;
`;
}
