import type { BigQuery, Query } from '@google-cloud/bigquery';
import { formatBytes } from '../shared/model/format-amounts.ts';
import { CommandError, UsageError } from './command-error.ts';
import type { QueryResult } from './query-result.ts';

type Options = {
  dataset: string;
  limit: number;
  /** BigQuery reads no more than these. */
  maxBytes: bigint;
};

type Field = { name: string; type: string; mode?: string; fields?: Field[] };
type Cell = { v: unknown };

/**
 * Runs a query on BigQuery, whose unqualified tables are those of a dataset, and reads at most so many rows. It runs nothing that would change
 * something. Throws `CommandError` with the message of BigQuery.
 */
export async function queryWarehouse(
  bigquery: BigQuery,
  sql: string,
  { dataset, limit, maxBytes }: Options,
): Promise<QueryResult> {
  const query: Query = {
    query: sql,
    defaultDataset: { projectId: bigquery.projectId, datasetId: dataset },
    maximumBytesBilled: String(maxBytes),
  };
  const [forecast] = await bigquery.createQueryJob({ ...query, dryRun: true }).catch(refused);
  const { statementType, totalBytesProcessed = '0' } = forecast.metadata.statistics?.query ?? {};
  if (statementType !== 'SELECT') {
    throw new UsageError(
      `This is ${statementType === undefined ? 'no SELECT' : statementType}, and query only reads.`,
    );
  }
  if (BigInt(totalBytesProcessed) > maxBytes) {
    throw new CommandError(`The query would read ${formatBytes(totalBytesProcessed)}.`, {
      advice: `Name fewer columns, filter by the partition, or allow more with --max-bytes, which is ${formatBytes(String(maxBytes))}.`,
    });
  }
  const [job] = await bigquery.createQueryJob(query).catch(refused);
  const { fields, rows } = await readResults(bigquery, job.metadata.jobReference ?? {}, limit + 1).catch(
    refused,
  );
  return {
    columns: fields.map(({ name, type, mode }) => ({
      name,
      type: mode === 'REPEATED' ? `ARRAY<${type}>` : type,
    })),
    rows: rows.slice(0, limit).map(({ f }) => f.map(({ v }, index) => textOf(v, fields[index]))),
    hasMore: rows.length > limit,
    bytes: totalBytesProcessed,
  };
}

type Page = {
  jobComplete?: boolean;
  schema?: { fields?: Field[] };
  rows?: { f: Cell[] }[];
  pageToken?: string;
};

/** Reads the rows as the REST API has them: the client's own values lose digits. */
async function readResults(
  bigquery: BigQuery,
  { jobId, location }: { jobId?: string; location?: string },
  maxRows: number,
): Promise<{ fields: Field[]; rows: { f: Cell[] }[] }> {
  const rows: { f: Cell[] }[] = [];
  let fields: Field[] = [];
  let pageToken: string | undefined;
  for (;;) {
    const qs = {
      location,
      pageToken,
      maxResults: maxRows - rows.length,
      'formatOptions.useInt64Timestamp': true,
    };
    const page = await new Promise<Page>((resolve, reject) => {
      bigquery.request({ uri: `/queries/${jobId}`, qs }, (error, body) =>
        error ? reject(error) : resolve(body),
      );
    });
    // The API waits ten seconds for the job.
    if (page.jobComplete === false) continue;
    fields = page.schema?.fields ?? fields;
    rows.push(...(page.rows ?? []));
    pageToken = page.pageToken;
    if (pageToken === undefined || rows.length >= maxRows) return { fields, rows };
  }
}

/** A value of BigQuery's REST API as GoogleSQL writes it: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults */
export function textOf(value: unknown, field: Field | undefined): string | null {
  const plain = plainOf(value, field);
  if (plain === null || typeof plain === 'string') return plain;
  return JSON.stringify(plain);
}

function plainOf(value: unknown, field: Field | undefined): unknown {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) {
    const element: Field | undefined = field && { ...field, mode: 'NULLABLE' };
    return value.map((each: Cell) => plainOf(each.v, element));
  }
  if (typeof value === 'object' && 'f' in value) {
    const cells = value.f as Cell[];
    return Object.fromEntries(
      cells.map(({ v }, index) => [
        field?.fields?.[index]?.name ?? index,
        plainOf(v, field?.fields?.[index]),
      ]),
    );
  }
  return field?.type === 'TIMESTAMP' ? timestampOf(String(value)) : String(value);
}

/** Microseconds since 1970 as a time in UTC; seconds with a fraction, as older answers have them, too. */
function timestampOf(text: string): string {
  const micros = /^-?\d+$/.test(text) ? BigInt(text) : BigInt(Math.round(Number(text) * 1e6));
  const millis = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n);
  const rest = micros - millis * 1000n;
  const date = new Date(Number(millis));
  if (Number.isNaN(date.getTime())) return text;
  return `${date.toISOString().slice(0, -1).replace('T', ' ')}${String(rest).padStart(3, '0')} UTC`;
}

function refused(error: unknown): never {
  const { message = String(error), errors = [] } = error as {
    message?: string;
    errors?: { message?: string }[];
  };
  const reason = errors[0]?.message ?? message;
  throw new CommandError(`BigQuery: ${reason}`, { cause: error });
}
