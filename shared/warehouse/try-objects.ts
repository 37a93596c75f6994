import type { BigQuery } from '@google-cloud/bigquery';
import { fromGoogle } from '../google/google-errors.ts';
import type { TableShape } from '../model/columns.ts';
import type { Datasets } from './names.ts';
import { procedureSql } from './procedure-sql.ts';
import { columnsSql, type Layout, reportingViewSql, targetTableSql, tempTableSql } from './tables-sql.ts';

/**
 * Lets BigQuery check the statements that create the objects of a view, in dry runs, which change and cost nothing. Procedure and reporting
 * view are checked only if the tables fit the view, since they refer to the columns; so is whether the caller may read the tagged columns.
 * Throws what BigQuery refuses.
 */
export async function tryObjects(
  bigquery: BigQuery,
  datasets: Datasets,
  shape: TableShape,
  layout: Layout,
  fits: boolean,
): Promise<void> {
  const isMerged = shape.loadType === 'merge';
  const statements: [string, string][] = [
    ...(isMerged
      ? [['temp table cannot be created', tempTableSql(datasets, shape)] as [string, string]]
      : []),
    ['target table cannot be created', targetTableSql(datasets, shape, layout)],
  ];
  if (fits) {
    if (isMerged)
      statements.push(['merge procedure cannot be created', procedureSql(datasets, shape, layout)]);
    statements.push(['reporting view cannot be created', reportingViewSql(datasets, shape, layout)]);
    const tagged = Object.keys(layout.policyTags ?? {});
    if (tagged.length > 0)
      statements.push(['tagged columns cannot be read', columnsSql(datasets, shape, tagged)]);
  }
  for (const [what, query] of statements) {
    await bigquery
      .createJob({ configuration: { dryRun: true, query: { query, useLegacySql: false } } })
      .catch((error: unknown) => {
        throw fromGoogle(error, `view ${shape.view}: the ${what}`, { view: shape.view });
      });
  }
}
