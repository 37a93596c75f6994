import pg from 'pg';
import type { Value } from './comparable.ts';
import type { TargetColumn } from './read-target.ts';
import { withFixedTexts } from './text-settings.ts';
import { parseValue, valueSql } from './value-sql.ts';

export interface SourceRows {
  columns: string[];
  /** The values of each row, in PostgreSQL's text form, by the key's text. */
  rows: Map<string, Value[]>;
  /** Columns whose values PostgreSQL could not give as text, and why; their values in `rows` are NULL. */
  unreadable: Map<string, string>;
}

export interface SourceOptions {
  login: pg.ClientConfig;
  /** The time zone in which the views compute. Default: UTC. */
  timeZone?: string;
  /** Called from time to time with the number of rows that were read. */
  onRows?: (rows: number) => void;
}

interface View {
  name: string;
  keyColumn: string;
  columns: { name: string; typeId: number; target: TargetColumn | undefined }[];
}

const FETCHED_ROWS = 5000;

/** Keeps every value as the text that PostgreSQL sends. */
const asText: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

/** Reads a whole view in one snapshot, with texts that suit the types of its target. Throws if a key is NULL or not unique. */
export async function readSource(
  { name, keyColumn }: Pick<View, 'name' | 'keyColumn'>,
  targetColumns: readonly TargetColumn[],
  { login, timeZone = 'UTC', onRows }: SourceOptions,
): Promise<SourceRows> {
  const client = new pg.Client({ ...login, application_name: 'comparison', types: asText });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    await client.query(`select set_config('TimeZone', $1, true)`, [timeZone]);
    const { fields } = await client.query(`select * from ${pg.escapeIdentifier(name)} limit 0`);
    const view: View = {
      ...{ name, keyColumn },
      columns: fields.map((field) => ({
        name: field.name,
        typeId: field.dataTypeID,
        target: targetColumns.find((column) => column.name === field.name),
      })),
    };
    return await readRows(client, view, onRows);
  } finally {
    await client.end();
  }
}

/** Reads the rows; if a column cannot be read, the others. */
async function readRows(client: pg.Client, view: View, onRows: SourceOptions['onRows']): Promise<SourceRows> {
  const unreadable = new Map<string, string>();
  for (;;) {
    await client.query('savepoint reading');
    try {
      const rows = await fetchRows(client, view, { unreadable, onRows });
      return { columns: view.columns.map(({ name }) => name), rows, unreadable };
    } catch (error) {
      // Without a SQLSTATE the connection is lost, or the rows are not what they must be.
      if (!(error instanceof pg.DatabaseError)) throw error;
      await client.query('rollback to savepoint reading');
      const found = await findUnreadable(client, view, unreadable);
      if (found.size === 0) throw error;
      for (const [name, why] of found) unreadable.set(name, why);
    }
  }
}

async function fetchRows(
  client: pg.Client,
  view: View,
  { unreadable, onRows }: { unreadable: ReadonlyMap<string, string>; onRows: SourceOptions['onRows'] },
): Promise<SourceRows['rows']> {
  const texts = view.columns.map((column) => (unreadable.has(column.name) ? 'null::text' : valueSql(column)));
  const typeIds = view.columns.map(({ typeId }) => typeId);
  const query = await withFixedTexts(client, { columns: texts.join(', '), view: view.name, typeIds });
  await client.query(`declare view_rows no scroll cursor for ${query}`);
  const keyIndex = view.columns.findIndex(({ name }) => name === view.keyColumn);
  const isRepeated = view.columns.map(({ target }) => target?.isRepeated === true);
  const rows: SourceRows['rows'] = new Map();
  for (;;) {
    const fetched = await client.query<(string | null)[]>({
      text: `fetch ${FETCHED_ROWS} from view_rows`,
      rowMode: 'array',
    });
    for (const row of fetched.rows) {
      const key = row[keyIndex] ?? null;
      if (typeof key !== 'string' || rows.has(key)) {
        throw new Error(`view ${view.name}: key ${key} is not unique`);
      }
      rows.set(
        key,
        row.map((text, i) => parseValue(text, isRepeated[i] === true)),
      );
    }
    if (fetched.rows.length === 0) break;
    onRows?.(rows.size);
  }
  await client.query('close view_rows');
  return rows;
}

/** The columns that cannot be read, with PostgreSQL's reason. */
async function findUnreadable(
  client: pg.Client,
  view: View,
  known: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const column of view.columns.filter(({ name }) => name !== view.keyColumn && !known.has(name))) {
    await client.query('savepoint probing');
    try {
      const typeIds = [column.typeId];
      const query = await withFixedTexts(client, {
        columns: `${valueSql(column)} as value`,
        view: view.name,
        typeIds,
      });
      await client.query(`select count(value) from (${query}) probed`);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      found.set(column.name, error.message);
    }
    await client.query('rollback to savepoint probing');
  }
  return found;
}
