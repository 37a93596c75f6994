import type { Dataset, Table } from '../catalog.ts';
import type { Job, JobRecord } from '../job.ts';
import { displayName } from '../names.ts';
import type { TableSize } from '../table-answers.ts';

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset */
export function datasetResource(dataset: Dataset) {
  const { reference, ...described } = dataset;
  return {
    kind: 'bigquery#dataset',
    etag: etagOf(dataset),
    id: displayName(reference),
    datasetReference: reference,
    ...described,
  };
}

/** A table in a list of tables: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list */
export function tableListItem(table: Table) {
  const { reference, type, creationTime, timePartitioning, clustering } = table;
  return {
    kind: 'bigquery#table',
    id: displayName(reference),
    tableReference: reference,
    type,
    creationTime,
    ...(timePartitioning && { timePartitioning }),
    ...(clustering && { clustering }),
  };
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table */
export function tableResource(
  table: Table,
  location: string,
  { size, viewQuery }: { size: TableSize | undefined; viewQuery: string | undefined },
) {
  const { reference, fields, viewQuery: _query, upsertStream: _, ...described } = table;
  return {
    kind: 'bigquery#table',
    etag: etagOf(table),
    id: displayName(reference),
    tableReference: reference,
    schema: { fields },
    location,
    ...described,
    ...(viewQuery !== undefined && { view: { query: viewQuery, useLegacySql: false } }),
    ...(size && { numRows: String(size.rows), numBytes: String(size.bytes), numLongTermBytes: '0' }),
  };
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job */
export function jobResource({ record }: Job) {
  const { reference, configuration, errorResult, errors } = record;
  return {
    kind: 'bigquery#job',
    etag: etagOf(record),
    id: `${reference.projectId}:${reference.location}.${reference.jobId}`,
    jobReference: reference,
    configuration: { ...configuration, jobType: configuration.load ? 'LOAD' : 'QUERY' },
    status: { state: record.state, ...(errorResult && { errorResult, errors: errors ?? [errorResult] }) },
    statistics: statistics(record),
    user_email: 'emulator@example.com',
    principal_subject: 'user:emulator@example.com',
  };
}

function statistics(record: JobRecord) {
  const { creationTime, startTime, endTime, query, load, parentJobId, numChildJobs, evaluationKind } = record;
  // One slot for as long as the job ran: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics
  const slotMs =
    startTime === undefined || endTime === undefined ? undefined : String(Math.max(1, endTime - startTime));
  const totalBytesProcessed = query?.totalBytesProcessed ?? '0';
  return {
    creationTime: String(creationTime),
    ...(startTime !== undefined && { startTime: String(startTime) }),
    ...(endTime !== undefined && { endTime: String(endTime) }),
    ...(slotMs !== undefined && { totalSlotMs: slotMs }),
    ...(query && {
      totalBytesProcessed,
      query: {
        ...query,
        totalBytesProcessed,
        totalBytesBilled: query.totalBytesBilled ?? '0',
        ...(slotMs !== undefined && { totalSlotMs: slotMs }),
        cacheHit: false,
        ...(record.result && { schema: { fields: record.result.fields } }),
      },
    }),
    ...(load && { load }),
    ...(parentJobId !== undefined && { parentJobId }),
    ...(numChildJobs !== undefined && { numChildJobs: String(numChildJobs) }),
    ...(evaluationKind && { scriptStatistics: { evaluationKind } }),
  };
}

/** A short text that changes with the resource. */
function etagOf(resource: object): string {
  let hash = 0;
  for (const character of JSON.stringify(resource))
    hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return (hash >>> 0).toString(36);
}
