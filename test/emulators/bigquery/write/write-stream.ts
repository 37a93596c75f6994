import type { TableReference } from '../names.ts';
import { invalidArgument, unimplemented } from './write-error.ts';

/**
 * The table of a default stream: https://cloud.google.com/bigquery/docs/change-data-capture#prerequisites
 * @throws WriteError for another kind of stream, or another name.
 */
export function tableOfStream(writeStream: string): TableReference {
  const [, projectId, datasetId, tableId, stream] =
    /^projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)\/streams\/([^/]+)$/.exec(writeStream) ?? [];
  if (!projectId || !datasetId || !tableId) throw invalidArgument(`Invalid stream name: ${writeStream}`);
  if (stream !== '_default') throw unimplemented(`streams other than _default (${writeStream})`);
  return { projectId, datasetId, tableId };
}
