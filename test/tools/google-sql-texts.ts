import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtTexts } from './built-texts.ts';
import type { SqlColumn } from './sql-objects.ts';
import { arrayOf, STRING, scalarType } from './sql-type.ts';

export interface GoogleSqlText {
  /** A file's path from the project's root, or a description of a built statement: `call of a procedure`. */
  name: string;
  sql: string;
  /** The texts with the same tables: they run one after the other. */
  group: string;
}

/** The parameters of our statements, which have the same type wherever they occur. */
export const PARAMETERS: readonly SqlColumn[] = [
  { name: 'batch_id', type: scalarType('INT64') },
  { name: 'batch_rows', type: scalarType('INT64') },
  { name: 'buckets', type: arrayOf(scalarType('INT64')) },
  { name: 'key', type: STRING },
  { name: 'keys', type: arrayOf(scalarType('INT64')) },
];

/** The project of the texts that we ship. */
export const SHIPPED_PROJECT = 'your-project';
const SHIPPED = 'sql/bigquery';
const PROJECT_FOLDER = join(import.meta.dirname, '../..');

/**
 * Every GoogleSQL text of the project, in a stable order: the tables of a group before what names them. Throws if no file contains one, because
 * a check of nothing would pass.
 */
export async function googleSqlTexts(projectFolder = PROJECT_FOLDER): Promise<GoogleSqlText[]> {
  const written = await writtenTexts(projectFolder);
  if (written.length === 0) {
    throw new Error(`no GoogleSQL text found in ${join(projectFolder, 'sql/bigquery')}`);
  }
  return [...written, ...(await documentedTexts(projectFolder)), ...(await builtTexts())];
}

async function filesLike(pattern: string, cwd: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of glob(pattern, { cwd })) names.push(name);
  return names.sort();
}

async function writtenTexts(projectFolder: string): Promise<GoogleSqlText[]> {
  const names = await filesLike('sql/bigquery/**/*.sql', projectFolder);
  const order = ({ sql }: { sql: string }): number =>
    ['create table', 'create or replace', ''].findIndex((start) => sql.includes(start));
  const texts = await Promise.all(
    names.map(async (name) => ({
      name,
      sql: await readFile(join(projectFolder, name), 'utf8'),
      group: SHIPPED,
    })),
  );
  return texts.sort((one, other) => order(one) - order(other));
}

/** Tables that the documents name besides ours: one of BigQuery's own, and the view of the worked example of docs/configuration.md. */
const DOCUMENTED_TABLES = `
create table \`region-EU\`.INFORMATION_SCHEMA.JOBS (
  creation_time timestamp, job_id string, labels array<struct<key string, value string>>,
  referenced_tables array<struct<project_id string, dataset_id string, table_id string>>, statement_type string,
  total_bytes_billed int64, total_slot_ms int64
);
create table View_SMartData.view_shop_order (order_id int64, customer string, total numeric);
`;

/** What the documents let their readers run. Statements for PostgreSQL name no dataset and no region. */
async function documentedTexts(projectFolder: string): Promise<GoogleSqlText[]> {
  const texts: GoogleSqlText[] = [];
  for (const name of await filesLike('{docs,sql,terraform}/*.md', projectFolder)) {
    const document = await readFile(join(projectFolder, name), 'utf8');
    const found = document.matchAll(
      /^```sql\n(?<block>.*?)^```|^bq query \S+ (?<quote>['"])(?<line>.*?)\k<quote>$/gms,
    );
    for (const { groups: { block, line } = {}, index } of found) {
      const sql = line?.replaceAll('\\`', '`') ?? block ?? '';
      if (line === undefined && !/`region-|SMartData/.test(sql)) continue;
      const number = document.slice(0, index).split('\n').length;
      texts.push({ name: `${name} from line ${number}`, sql, group: SHIPPED });
    }
  }
  if (texts.length === 0) return [];
  return [{ name: 'tables of the documents', sql: DOCUMENTED_TABLES, group: SHIPPED }, ...texts];
}
