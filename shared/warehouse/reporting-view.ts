import type { BigQuery } from '@google-cloud/bigquery';
import type { TableShape } from '../model/columns.ts';
import { readMetadata } from './found-table.ts';
import { type Datasets, objectNames } from './names.ts';
import { type Layout, reportingViewSql } from './tables-sql.ts';

/** The part of the warehouse that looks at the reporting view. */
export function createReportingView(openBigQuery: () => Promise<BigQuery>, datasets: Datasets) {
  return {
    /** How the reporting view differs from the one that `makeObjects` creates, as one sentence; null if it does not. */
    async reportingViewFault(shape: TableShape, layout: Layout): Promise<string | null> {
      const { view } = objectNames(datasets, shape);
      const metadata = await readMetadata(await openBigQuery(), view);
      if (metadata === null) return `reporting view ${view} is missing`;
      const found = (metadata.view as { query?: string } | undefined)?.query ?? '';
      const isOurs =
        withoutLayout(found) === withoutLayout(queryOf(reportingViewSql(datasets, shape, layout)));
      return isOurs ? null : `reporting view ${view} has another query`;
    },
  };
}

/** BigQuery keeps the text after AS: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#ViewDefinition */
const queryOf = (statement: string): string => statement.slice(statement.indexOf(' as\n') + ' as\n'.length);

const withoutLayout = (query: string): string => query.replaceAll(/\s+/g, ' ').trim().replace(/\s*;$/, '');
