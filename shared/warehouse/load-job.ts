import { DataHubError } from '../errors.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import type { JobSpec } from './job.ts';

/**
 * A load of staged objects into a table, all rows or none.
 *
 * @param table the full name, unquoted
 * @param writeDisposition `WRITE_EMPTY` fails with reason `duplicate` when the table has a row
 */
export function loadSpec(
  id: string,
  attempt: Attempt,
  sourceUris: string[],
  table: string,
  writeDisposition: 'WRITE_APPEND' | 'WRITE_EMPTY',
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

/** What a failed load means: a staged object that is gone fails it with reason `notFound`. */
export function loadError(error: unknown): unknown {
  if (!(error instanceof DataHubError) || error.context.code !== 'notFound') return error;
  return new DataHubError('staging_lost', error.message, { context: error.context, cause: error });
}
