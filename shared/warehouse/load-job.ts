import type { BigQuery } from '@google-cloud/bigquery';
import { DataHubError } from '../errors.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import { datasetLocation } from './dataset-location.ts';
import type { JobSpec } from './job-spec.ts';

/**
 * What a load job reads and writes. `table` is a full name, unquoted. `WRITE_EMPTY` makes the load fail with reason `duplicate` when the
 * table has rows.
 */
export type Load = {
  sourceUris: string[];
  table: string;
  writeDisposition: 'WRITE_APPEND' | 'WRITE_EMPTY';
};

/** A job that loads staged objects into a table, all rows or none. */
export function loadSpec(
  id: string,
  attempt: Attempt,
  { sourceUris, table, writeDisposition }: Load,
): JobSpec {
  const [projectId, datasetId, tableId] = table.split('.');
  return {
    id,
    configuration: {
      load: {
        sourceUris,
        sourceFormat: 'NEWLINE_DELIMITED_JSON',
        destinationTable: { projectId, datasetId, tableId },
        createDisposition: 'CREATE_NEVER',
        writeDisposition,
        ignoreUnknownValues: false,
        maxBadRecords: 0,
      },
    },
    labels: labelsOf(attempt, 'load'),
    context: contextOf(attempt),
  };
}

/**
 * Classifies the failure of a load: reason `notFound` means that a staged object is gone, unless the dataset is not where the client sends its
 * jobs, which is `environment`.
 */
export async function loadError(
  error: unknown,
  bigquery: BigQuery,
  { table }: Pick<Load, 'table'>,
): Promise<unknown> {
  if (!(error instanceof DataHubError) || error.context.code !== 'notFound') return error;
  const { context } = error;
  const dataset = String(table.split('.')[1]);
  const location = await datasetLocation(bigquery, dataset);
  if (location?.toLowerCase() === bigquery.location?.toLowerCase()) {
    return new DataHubError('staging_lost', error.message, { context, cause: error });
  }
  const where = location === null ? 'does not exist' : `is in ${location}`;
  return new DataHubError(
    'environment',
    `dataset ${dataset} ${where}, but BIGQUERY_LOCATION is ${bigquery.location}`,
    {
      context,
      cause: error,
      advice:
        'Correct BIGQUERY_LOCATION or the variable of the dataset, and deploy again. The functions retry by themselves.',
    },
  );
}
