import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReceivedColumn, ReceivedStatement } from '../emulators/bigquery/received-statements.ts';
import { type SqlColumn, SqlObjects } from './sql-objects.ts';
import { arrayOf, STRING, scalarType } from './sql-type.ts';

/** What the emulators recorded in a folder (BIGQUERY_RECEIVED_FOLDER), each different text with different objects once. */
export async function receivedStatements(folder: string): Promise<ReceivedStatement[]> {
  const lines = new Set<string>();
  for await (const name of glob('*.ndjson', { cwd: folder })) {
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) lines.add(line);
  }
  lines.delete('');
  return [...lines].map((line): ReceivedStatement => JSON.parse(line));
}

/** The tables, views and procedures that a received statement met; `others` are those that it may name as well. */
export function objectsOf(
  { sql, projectId, datasetId, tables, procedures }: ReceivedStatement,
  others: ReceivedStatement['tables'] = [],
): SqlObjects {
  const objects = new SqlObjects({ projectId, datasetId });
  for (const { path, columns } of [...others, ...tables]) objects.addTable(path, sqlColumns(columns));
  for (const [, dataset] of sql.matchAll(/(\w+)\.INFORMATION_SCHEMA\.TABLES/g)) {
    objects.addTable(`${projectId}.${dataset}.INFORMATION_SCHEMA.TABLES`, TABLES);
  }
  for (const { path, parameters } of procedures) {
    objects.addProcedure(
      path,
      sqlColumns(parameters).map(({ type }) => type),
    );
  }
  return objects;
}

/** https://cloud.google.com/bigquery/docs/information-schema-tables, as far as tests read it. */
const TABLES = ['table_name', 'table_type'].map((name) => ({ name, type: STRING }));

export const sqlColumns = (columns: readonly ReceivedColumn[]): SqlColumn[] =>
  columns.map(({ name, type, isRepeated }) => ({
    name,
    type: isRepeated ? arrayOf(scalarType(type)) : scalarType(type),
  }));
