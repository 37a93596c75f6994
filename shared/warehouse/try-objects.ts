import type { BigQuery } from '@google-cloud/bigquery';
import { fromGoogle } from '../google/google-errors.ts';
import type { TableShape } from '../model/columns.ts';
import type { Datasets } from './names.ts';
import { procedureSql } from './procedure-sql.ts';
import { type Layout, reportingViewSql, targetTableSql, tempTableSql } from './tables-sql.ts';

/**
 * Lets BigQuery check the statements that create the objects of a view, in dry runs, which change and cost nothing. Procedure and reporting
 * view are checked only if the tables fit the view, since they refer to the columns. Throws what BigQuery refuses.
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
    ...(isMerged ? [['temp table', tempTableSql(datasets, shape)] as [string, string]] : []),
    ['target table', targetTableSql(datasets, shape, layout)],
  ];
  if (fits) {
    if (isMerged) statements.push(['merge procedure', procedureSql(datasets, shape, layout)]);
    statements.push(['reporting view', reportingViewSql(datasets, shape, layout)]);
  }
  for (const [what, query] of statements) {
    await bigquery
      .createJob({ configuration: { dryRun: true, query: { query, useLegacySql: false } } })
      .catch((error: unknown) => {
        throw fromGoogle(error, `view ${shape.view}: the ${what} cannot be created`, { view: shape.view });
      });
  }
}
