import { createHash } from 'node:crypto';
import type { TableShape } from '../model/columns.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { readMetadata } from './found-table.ts';
import { objectNames } from './names.ts';
import { type Layout, reportingViewSql } from './tables-sql.ts';

/** The part of the warehouse that looks at the reporting view. BigQuery need not keep the text of a query as it was sent. */
export function createReportingView({ openBigQuery, datasets }: Omit<BigQueryAccess, 'nameOf'>) {
  /** The query as BigQuery answers it; null if the view does not exist. */
  async function readQuery(view: string): Promise<string | null> {
    const metadata = await readMetadata(await openBigQuery(), view);
    return metadata === null ? null : ((metadata.view as { query?: string } | undefined)?.query ?? '');
  }

  return {
    /** A hash of the reporting view's query as BigQuery answers it now; null if the view does not exist. */
    async reportingViewHash(shape: Pick<TableShape, 'target'>): Promise<string | null> {
      const query = await readQuery(objectNames(datasets, shape).view);
      return query === null ? null : hashOf(query);
    },

    /**
     * How the reporting view differs from the one that `makeObjects` creates, as one sentence; null if it does not. `madeHash` is the
     * `reportingViewHash` after it was last made, null if that is not known.
     */
    async reportingViewFault(
      shape: TableShape,
      layout: Layout,
      madeHash: string | null,
    ): Promise<string | null> {
      const { view } = objectNames(datasets, shape);
      const found = await readQuery(view);
      if (found === null) return `reporting view ${view} is missing`;
      const sent = queryOf(reportingViewSql(datasets, shape, layout));
      const isOurs = hashOf(found) === madeHash || withoutLayout(found) === withoutLayout(sent);
      return isOurs ? null : `reporting view ${view} has another query`;
    },
  };
}

const hashOf = (query: string): string =>
  createHash('sha256').update(withoutLayout(query)).digest('hex').slice(0, 16);

/** The text after AS: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#ViewDefinition */
const queryOf = (statement: string): string => statement.slice(statement.indexOf(' as\n') + ' as\n'.length);

const withoutLayout = (query: string): string => query.replaceAll(/\s+/g, ' ').trim().replace(/\s*;$/, '');
