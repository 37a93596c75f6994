import type { Deadline } from '../deadline.ts';
import type { TableShape } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { findTable, INSTALLATION_LABEL, patchTable } from './found-table.ts';
import { objectNames } from './names.ts';
import { type PolicyTags, retagged } from './policy-tags.ts';
import { rewriteSql } from './replacement-sql.ts';
import { runJobToCompletion } from './run-job.ts';

/** The part of the warehouse that changes what BigQuery can change on an existing table. */
export function createTargetSettings({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  return {
    /** Sets the policy tags of the columns of the view's tables. Safe to repeat. */
    async setPolicyTags(shape: TableShape, tags: PolicyTags): Promise<void> {
      const bigquery = await openBigQuery();
      const names = objectNames(datasets, shape);
      for (const name of shape.loadType === 'merge' ? [names.temp, names.target] : [names.target]) {
        const fields = retagged((await findTable(bigquery, name))?.fields ?? [], tags);
        if (fields !== null) await patchTable(bigquery, name, { schema: { fields } });
      }
    },

    /** Puts the id of the installation that feeds the target into its label. Other labels stay. Safe to repeat. */
    async setInstallation({ targetName }: Pick<ViewSource, 'targetName'>, id: string): Promise<void> {
      const { target } = objectNames(datasets, { target: targetName });
      await patchTable(await openBigQuery(), target, { labels: { [INSTALLATION_LABEL]: id } });
    },

    /** Gives the target another clustering, which the rows that it has do not follow yet: see `rewriteRows`. Safe to repeat. */
    async setClustering(shape: TableShape, columns: string[]): Promise<void> {
      const { target } = objectNames(datasets, shape);
      await patchTable(await openBigQuery(), target, { clustering: { fields: columns } });
    },

    /** Rewrites all rows of a merged target, once for each `rewriteId`. Throws `transient` when the job outlives the deadline. */
    async rewriteRows(shape: TableShape, rewriteId: string, deadline: Deadline): Promise<void> {
      const query = rewriteSql(datasets, shape);
      await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('rewrite', shape.view, rewriteId, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view: shape.view, step: 'rewrite' },
        context: { view: shape.view },
      }));
    },
  };
}
