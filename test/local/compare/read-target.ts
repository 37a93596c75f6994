import type { BigQuery } from '@google-cloud/bigquery';
import type { Value } from './comparable.ts';

export interface TargetColumn {
  name: string;
  /** The API's name of the type: INTEGER, STRING, TIMESTAMP, … */
  type: string;
  isRepeated: boolean;
}

export interface TargetRows {
  columns: TargetColumn[];
  /** Values in the API's text form; a TIMESTAMP is in microseconds since 1970. */
  rows: AsyncIterable<Value[]>;
}

/** A row in the API's response. */
interface WireRow {
  f: { v: unknown }[];
}

const PAGE_ROWS = 5000;

/** Selects every column of every row that is not marked as deleted. Only reads. */
export function wholeTableSql(table: string, keepsDeletedRows: boolean): string {
  return `select * from \`${table}\`${keepsDeletedRows ? ' where not is_deleted' : ''}`;
}

/** Counts the rows that are not marked as deleted. Only reads. */
export const countComparedSql = (table: string, keepsDeletedRows: boolean): string =>
  `select count(*) as total from \`${table}\`${keepsDeletedRows ? ' where not is_deleted' : ''}`;

export async function countTarget(
  bigquery: BigQuery,
  table: string,
  keepsDeletedRows: boolean,
): Promise<number> {
  const [rows] = await bigquery.query(countComparedSql(`${bigquery.projectId}.${table}`, keepsDeletedRows));
  return Number((rows as { total: number }[])[0]?.total ?? 0);
}

/** Reads a whole table page by page, without the rows that are marked as deleted. */
export async function readTarget(
  bigquery: BigQuery,
  table: string,
  keepsDeletedRows: boolean,
): Promise<TargetRows> {
  const [job] = await bigquery.createQueryJob({
    query: wholeTableSql(`${bigquery.projectId}.${table}`, keepsDeletedRows),
  });
  // Before the job is done, a page may arrive without rows and columns.
  await job.promise();
  const readPage = async (pageToken?: string) => {
    const [rows, , answer] = await job.getQueryResults({
      autoPaginate: false,
      // The client would parse the values into objects, some of them less exact.
      skipParsing: true,
      maxResults: PAGE_ROWS,
      ...(pageToken !== undefined && { pageToken }),
    });
    return { rows: rows as unknown as WireRow[], answer };
  };

  const first = await readPage();
  const columns = (first.answer?.schema?.fields ?? []).map(({ name = '', type = '', mode }) => ({
    name,
    type,
    isRepeated: mode === 'REPEATED',
  }));
  const rows = async function* () {
    for (let page = first; ; ) {
      for (const { f } of page.rows)
        yield f.map(({ v }) => (Array.isArray(v) ? v.map(textOf) : textOf({ v })));
      const pageToken = page.answer?.pageToken;
      if (!pageToken) return;
      page = await readPage(pageToken);
    }
  };
  return { columns, rows: rows() };
}

/** The text of a cell; an array is a list of cells. */
const textOf = ({ v }: { v: unknown }): string | null => (v === null ? null : String(v));
