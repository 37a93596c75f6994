import pg from 'pg';

export interface SourceRows {
  columns: string[];
  /** Each value as PostgreSQL writes it, by the key's text. */
  rows: Map<string, (string | null)[]>;
}

const FETCHED_ROWS = 5000;

/** Everything as text, as PostgreSQL sends it. */
const asText: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

/** Reads a whole view in one snapshot. Throws when a key is NULL or not unique. */
export async function readSource(url: string, view: string, keyColumn: string): Promise<SourceRows> {
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
    await client.query(`declare view_rows no scroll cursor for select * from ${pg.escapeIdentifier(view)}`);
    const rows: SourceRows['rows'] = new Map();
    for (;;) {
      const fetched = await client.query<(string | null)[]>({
        text: `fetch ${FETCHED_ROWS} from view_rows`,
        rowMode: 'array',
      });
      const columns = fetched.fields.map(({ name }) => name);
      const keyIndex = columns.indexOf(keyColumn);
      for (const row of fetched.rows) {
        const key = row[keyIndex] ?? null;
        if (key === null || rows.has(key)) throw new Error(`view ${view}: key ${key} is not unique`);
        rows.set(key, row);
      }
      if (fetched.rows.length === 0) return { columns, rows };
    }
  } finally {
    await client.end();
  }
}
