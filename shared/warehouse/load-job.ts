import { DataHubError } from '../errors.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import type { JobSpec } from './job.ts';

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

/** Classifies the failure of a load: reason `notFound` means that a staged object is gone. */
export function loadError(error: unknown): unknown {
  if (!(error instanceof DataHubError) || error.context.code !== 'notFound') return error;
  return new DataHubError('staging_lost', error.message, { context: error.context, cause: error });
}
