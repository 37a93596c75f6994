import type { BigQuery } from '@google-cloud/bigquery';
import { DataHubError } from '../errors.ts';
import type { LoadedFiles } from '../model/staged-format.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import { datasetLocation } from './dataset-location.ts';
import type { JobSpec } from './job-spec.ts';

/**
 * What a load job reads and writes. `table` is a full name, unquoted. `WRITE_EMPTY` makes the load fail with reason `duplicate` when the
 * table has rows.
 */
export type Load = {
  files: LoadedFiles;
  table: string;
  writeDisposition: 'WRITE_APPEND' | 'WRITE_EMPTY';
};

/** A job that loads staged objects into a table, all rows or none. */
export function loadSpec(id: string, attempt: Attempt, { files, table, writeDisposition }: Load): JobSpec {
  const [projectId, datasetId, tableId] = table.split('.');
  return {
    id,
    configuration: {
      load: {
        sourceUris: files.uris,
        ...formatOptions(files),
        destinationTable: { projectId, datasetId, tableId },
        createDisposition: 'CREATE_NEVER',
        writeDisposition,
        maxBadRecords: 0,
      },
    },
    labels: labelsOf(attempt, 'load'),
    context: contextOf(attempt),
  };
}

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#logical_types: the first decimal type of the list that fits decides. */
function formatOptions({ format }: LoadedFiles): object {
  if (format === 'ndjson') return { sourceFormat: 'NEWLINE_DELIMITED_JSON', ignoreUnknownValues: false };
  if (format !== 'avro') throw new RangeError(`a load job does not read ${format}`);
  return {
    sourceFormat: 'AVRO',
    useAvroLogicalTypes: true,
    decimalTargetTypes: ['NUMERIC', 'BIGNUMERIC'],
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
