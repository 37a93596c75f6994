import { foreignKeysSql } from '../../shared/warehouse/foreign-keys-sql.ts';
import { procedureSql } from '../../shared/warehouse/procedure-sql.ts';
import {
  ledgerSql,
  reportingViewSql,
  targetTableSql,
  tempTableSql,
} from '../../shared/warehouse/tables-sql.ts';
import { type Views, viewShapes } from './view-shapes.ts';

/** The names in the committed statements; the functions use their own project. */
const DATASETS = {
  projectId: 'your-project',
  temp: 'SMartData_Temp',
  target: 'SMartDataAnalytics',
  view: 'View_SMartData',
};

/** The statements that the functions run for these views, by their path in sql/bigquery, where people can read them. */
export async function generatedSql(sources: Views): Promise<Map<string, string>> {
  const views = await viewShapes(sources);
  const files = new Map([['applied-batch.sql', ledgerSql(DATASETS)]]);
  for (const { entry, shape } of views) {
    const layout = {
      partition:
        entry.partition_column === null || entry.partition_granularity === null
          ? null
          : { column: entry.partition_column, granularity: entry.partition_granularity },
      clusterColumns: entry.cluster_columns,
      reportColumn: entry.report_column,
    };
    const folder = entry.target_name;
    files.set(`${folder}/target-table.sql`, targetTableSql(DATASETS, shape, layout));
    if (shape.loadType === 'merge') {
      files.set(`${folder}/temp-table.sql`, tempTableSql(DATASETS, shape));
      files.set(`${folder}/procedure.sql`, procedureSql(DATASETS, shape, layout));
    }
    files.set(`${folder}/view.sql`, reportingViewSql(DATASETS, shape, layout));
    const foreignKeys = entry.foreign_keys.map(({ column, references }) => {
      const parent = views.find((view) => view.entry.name === references)?.entry;
      if (parent === undefined)
        throw new Error(`${entry.name} references ${references}, which is not configured`);
      return { column, references: { target: parent.target_name, keyColumn: parent.key_column } };
    });
    if (foreignKeys.length > 0) {
      files.set(`${folder}/foreign-keys.sql`, foreignKeysSql(DATASETS, shape, foreignKeys));
    }
  }
  return files;
}
