import type { BigQuery } from '@google-cloud/bigquery';
import pg from 'pg';
import { isSame } from '../../local/compare/comparable.ts';

/** A value, or a row (`column` is then the key), that is not the same on both sides. */
export type Difference = { key: string; column: string; source: unknown; target: unknown };

type Field = { name: string; type: string; isRepeated: boolean };
type Value = string | null | (string | null)[];
type Rows = Map<string, Value[]>;

const KEY = 'thing_id';
const TECHNICAL = ['is_deleted', 'update_at', 'etl_transaction_id'];

/** Every difference between a view and its target, arrays element by element; values are compared as the target's types have them. */
export async function differences(
  { source, view }: { source: pg.Pool; view: string },
  { bigquery, table }: { bigquery: BigQuery; table: string },
): Promise<Difference[]> {
  const target = await readTarget(bigquery, table);
  const sourceRows = await readSource(source, view, target.fields);
  const found: Difference[] = [];
  for (const key of new Set([...sourceRows.keys(), ...target.rows.keys()])) {
    const [mine, theirs] = [sourceRows.get(key), target.rows.get(key)];
    if (mine === undefined || theirs === undefined) {
      found.push({ key, column: KEY, source: mine !== undefined, target: theirs !== undefined });
      continue;
    }
    for (const [i, field] of target.fields.entries()) {
      const [one, other] = [mine[i] ?? null, theirs[i] ?? null];
      if (!isSameValue(field, one, other))
        found.push({ key, column: field.name, source: one, target: other });
    }
  }
  return found;
}

function isSameValue({ type }: Field, source: Value, target: Value): boolean {
  if (!Array.isArray(source)) return !Array.isArray(target) && isSame(type, source, target);
  return (
    Array.isArray(target) &&
    source.length === target.length &&
    source.every((element, i) => isSame(type, element, target[i] ?? null))
  );
}

/** How PostgreSQL tells a value, by the type that it becomes; otherwise as its text. */
const TOLD: Record<string, (value: string) => string> = {
  // A float4 is the FLOAT64 of the same value, whose text is another.
  FLOAT: (value) => `${value}::float8::text`,
  // A null of JSON arrives as NULL.
  JSON: (value) => `nullif(to_jsonb(${value}), 'null')::text`,
  // Its cast to text would strip char(n) and write the netmask of an inet.
  STRING: (value) => `to_json(${value}) #>> '{}'`,
};

async function readSource(pool: pg.Pool, view: string, fields: Field[]): Promise<Rows> {
  const told = fields.map(({ name, type, isRepeated }) => {
    const tell = TOLD[type] ?? ((value) => `${value}::text`);
    const column = `v.${pg.escapeIdentifier(name)}`;
    return isRepeated ? `array(select ${tell('e')} from unnest(${column}) e)` : tell(column);
  });
  const client = await pool.connect();
  try {
    await client.query(
      `set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set bytea_output = 'hex'`,
    );
    const { rows } = await client.query<[string, ...Value[]]>({
      text: `select v.${KEY}::text, ${told.join(', ')} from ${view} v`,
      rowMode: 'array',
    });
    return new Map(rows.map(([key, ...values]) => [key, values]));
  } finally {
    client.release();
  }
}

async function readTarget(bigquery: BigQuery, table: string): Promise<{ fields: Field[]; rows: Rows }> {
  const [dataset = '', name = ''] = table.split('.');
  const [metadata] = await bigquery.dataset(dataset).table(name).getMetadata();
  const columns = metadata.schema.fields as { name: string; type: string; mode?: string }[];
  const where = columns.some((column) => column.name === 'is_deleted') ? ' where not is_deleted' : '';
  const [job] = await bigquery.createQueryJob({
    query: `select * from \`${bigquery.projectId}.${table}\`${where}`,
  });
  const fields: Field[] = [];
  const indexes: number[] = [];
  for (const [i, column] of columns.entries()) {
    if (TECHNICAL.includes(column.name)) continue;
    fields.push({ name: column.name, type: column.type, isRepeated: column.mode === 'REPEATED' });
    indexes.push(i);
  }
  const keyIndex = columns.findIndex((column) => column.name === KEY);
  const rows: Rows = new Map();
  let pageToken: string | undefined;
  do {
    // The values as they came: the client would make some of them less exact.
    const [page, , answer] = await job.getQueryResults({
      autoPaginate: false,
      skipParsing: true,
      ...(pageToken !== undefined && { pageToken }),
    });
    for (const { f } of page as unknown as { f: { v: unknown }[] }[]) {
      const key = String(f[keyIndex]?.v);
      if (rows.has(key)) throw new Error(`key ${key} is twice in the target`);
      rows.set(
        key,
        indexes.map((i) => wireValue(f[i]?.v)),
      );
    }
    pageToken = answer?.pageToken;
  } while (pageToken !== undefined);
  return { fields, rows };
}

/** An array is a list of cells on the wire. */
function wireValue(cell: unknown): Value {
  if (!Array.isArray(cell)) return cell === null || cell === undefined ? null : String(cell);
  return cell.map(({ v }: { v: unknown }) => (v === null ? null : String(v)));
}
