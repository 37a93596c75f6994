import pg from 'pg';
import type { Value } from './comparable.ts';
import type { TargetColumn } from './read-target.ts';

export interface SourceRows {
  columns: string[];
  /** The values of each row, in PostgreSQL's text form, by the key's text. */
  rows: Map<string, Value[]>;
}

const FETCHED_ROWS = 5000;

const TEXT_ARRAY: number = 1009;
/** Keeps every value as the text that PostgreSQL sends. */
const asText: pg.CustomTypesConfig = {
  getTypeParser: (type) => (type === TEXT_ARRAY ? pg.types.getTypeParser(type) : (value: string) => value),
};

/** SQL for a value's text, by the target's type, where a plain cast to text will not do. */
const TEXT_OF: Record<string, (value: string) => string> = {
  // The target holds a float4 as the float8 of the same value, whose text differs.
  FLOAT: (value) => `${value}::float8::text`,
  // A JSON null arrives as NULL.
  JSON: (value) => `nullif(to_jsonb(${value}), 'null')::text`,
  // A cast to text would strip the spaces of a char(n) and add the netmask to an inet.
  STRING: (value) => `to_json(${value}) #>> '{}'`,
};

/** Reads a whole view in one snapshot, with texts that suit the types of its target. Throws if a key is NULL or not unique. */
export async function readSource(
  url: string,
  view: string,
  keyColumn: string,
  targetColumns: readonly TargetColumn[],
): Promise<SourceRows> {
  const textOf = (name: string) => {
    const { type = '', isRepeated = false } = targetColumns.find((column) => column.name === name) ?? {};
    const text = TEXT_OF[type] ?? ((value) => `${value}::text`);
    const column = `v.${pg.escapeIdentifier(name)}`;
    return isRepeated ? `array(select ${text('e')} from unnest(${column}) e)` : text(column);
  };
  const client = new pg.Client({ connectionString: url, application_name: 'comparison', types: asText });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`
      begin isolation level repeatable read read only;
      set local timezone = 'UTC';
      set local datestyle = 'ISO, YMD';
      set local intervalstyle = 'postgres';
      set local bytea_output = 'hex';
      set local extra_float_digits = 1`);
    const relation = pg.escapeIdentifier(view);
    const columns = (await client.query(`select * from ${relation} limit 0`)).fields.map(({ name }) => name);
    const keyIndex = columns.indexOf(keyColumn);
    const texts = columns.map(textOf).join(', ');
    await client.query(`declare view_rows no scroll cursor for select ${texts} from ${relation} v`);
    const rows: SourceRows['rows'] = new Map();
    for (;;) {
      const fetched = await client.query<Value[]>({
        text: `fetch ${FETCHED_ROWS} from view_rows`,
        rowMode: 'array',
      });
      for (const row of fetched.rows) {
        const key = row[keyIndex] ?? null;
        if (typeof key !== 'string' || rows.has(key)) {
          throw new Error(`view ${view}: key ${key} is not unique`);
        }
        rows.set(key, row);
      }
      if (fetched.rows.length === 0) return { columns, rows };
    }
  } finally {
    await client.end();
  }
}
