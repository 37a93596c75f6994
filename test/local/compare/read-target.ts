import type { BigQuery } from '@google-cloud/bigquery';
import type { Value } from './comparable.ts';

export interface TargetColumn {
  name: string;
  /** As the API names it: INTEGER, STRING, TIMESTAMP … */
  type: string;
  isRepeated: boolean;
}

export interface TargetRows {
  columns: TargetColumn[];
  /** Each value as the API writes it: TIMESTAMP as microseconds since 1970. */
  rows: AsyncIterable<Value[]>;
}

/** A row of the API's answer. */
interface WireRow {
  f: { v: unknown }[];
}

const PAGE_ROWS = 5000;

/** Every column of every row that is not marked as deleted. Reads only. */
export function wholeTableSql(table: string, keepsDeletedRows: boolean): string {
  return `select * from \`${table}\`${keepsDeletedRows ? ' where not is_deleted' : ''}`;
}

/** Reads a whole table page by page; rows that are marked as deleted are left out. */
export async function readTarget(
  bigquery: BigQuery,
  table: string,
  keepsDeletedRows: boolean,
): Promise<TargetRows> {
  const [job] = await bigquery.createQueryJob({
    query: wholeTableSql(`${bigquery.projectId}.${table}`, keepsDeletedRows),
  });
  // A page that is asked for before the end may come without rows and columns.
  await job.promise();
  const readPage = async (pageToken?: string) => {
    const [rows, , answer] = await job.getQueryResults({
      autoPaginate: false,
      // The values as they came: the client would turn them into objects, and some into less exact ones.
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

/** The value of a cell; an array is a list of cells. */
const textOf = ({ v }: { v: unknown }): string | null => (v === null ? null : String(v));
