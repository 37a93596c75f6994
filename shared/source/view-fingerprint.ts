import { createHash } from 'node:crypto';
import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { ViewFingerprint } from '../model/view-fingerprint.ts';
import { omittedColumnsOf } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import { type DefinitionRow, definitionSql } from './definition-sql.ts';
import type { SourceView } from './describe-view.ts';
import { COMPUTING_SETTINGS } from './snapshot.ts';

/** What PostgreSQL's texts of a definition depend on: names are written with their schema, and constants in one form. */
const SETTINGS = [
  ["search_path = ''", 'datestyle = iso, mdy', 'intervalstyle = postgres'],
  ['extra_float_digits = 1', 'bytea_output = hex', 'quote_all_identifiers = off', "timezone = 'UTC'"],
].flat();

/**
 * Locks a view until the transaction ends, so that nobody can replace it, and reads what its rows are computed by: its text, the views,
 * functions, operators, columns and types on which PostgreSQL's catalog says that it depends, and the settings that these obey. The catalog
 * does not list what the body of a function reads. Throws `transient` if the view was dropped or replaced after the snapshot in which it was
 * described.
 */
export async function fingerprintView(
  client: pg.ClientBase,
  view: Pick<SourceView, 'name' | 'relation' | 'columns' | 'omittedColumns'>,
): Promise<ViewFingerprint> {
  const { relation, columns, omittedColumns } = view;
  const all = await lockView(client, view);
  const present = all.filter((column) => !omittedColumns.includes(column));
  if (JSON.stringify(present) !== JSON.stringify(columns.map((column) => column.name))) throw replaced(view);
  const { session, rows } = await readDefinition(client, relation);
  const texts = rows.filter(({ kind }) => kind === 'view' || kind === 'function').map(lineOf);
  // The rows of a target are complete only if they were loaded with the columns that it gets now.
  const byDefault = all.filter((column) => omittedColumnsOf({ omittedColumns: null }).has(column));
  if (JSON.stringify(byDefault) !== JSON.stringify(omittedColumns)) {
    texts.push(`omitted ${JSON.stringify(omittedColumns)}\n`);
  }
  const { server, ...settings } = session;
  return {
    fingerprint: hashOf(texts),
    columns: hashOf(rows.filter(({ kind }) => kind !== 'view' && kind !== 'function').map(lineOf)),
    serverMajor: Math.floor(Number(server) / 10_000),
    settings: obeyedSettings(settings, rows.map(({ text }) => text).join('\n')),
  };
}

const lineOf = ({ kind, name, text }: DefinitionRow): string => `${kind} ${name}\n${text}\n`;

const hashOf = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('')).digest('hex').slice(0, 32);

const replaced = ({ name }: Pick<SourceView, 'name'>): DataHubError =>
  new DataHubError('transient', `view ${name} was replaced a moment ago`, { context: { view: name } });

/** Returns the columns of the view in order. */
async function lockView(
  client: pg.ClientBase,
  view: Pick<SourceView, 'name' | 'relation'>,
): Promise<string[]> {
  try {
    const [, { fields }, isSame] = await atOnce(client, () => [
      client.query('savepoint lock_view'),
      // PostgreSQL plans this by the view as it is now; catalog tables show it as of the snapshot.
      client.query(`select * from ${view.relation} limit 0`),
      isSameView(client, view.relation),
      // Inside of a savepoint, a snapshot could not be exported later.
      client.query('release savepoint lock_view'),
    ]);
    if (!isSame) throw replaced(view);
    return fields.map((field) => field.name);
  } catch (error) {
    if (error instanceof DataHubError || fromPostgres(error, 'source').kind === 'transient') throw error;
    // The statement may have waited for the end of a deployment that dropped the view, and created it without its grants.
    await client.query('rollback to savepoint lock_view; release savepoint lock_view');
    throw (await isSameView(client, view.relation)) ? error : replaced(view);
  }
}

/** Whether the view that has the name now is the one that has it in the snapshot of this transaction. */
async function isSameView(client: pg.ClientBase, relation: string): Promise<boolean> {
  const { rows } = await client.query(
    'select exists (select from pg_class where oid = to_regclass($1)) as "isSame"',
    [relation],
  );
  return rows[0].isSame as boolean;
}

async function readDefinition(
  client: pg.ClientBase,
  relation: string,
): Promise<{ session: Record<string, string>; rows: DefinitionRow[] }> {
  const settings = COMPUTING_SETTINGS.map((name) => `current_setting('${name}') as "${name}"`);
  const statements = [
    `select current_setting('server_version_num') as server, ${settings.join(', ')}`,
    'savepoint definition',
    ...SETTINGS.map((setting) => `set local ${setting}`),
    definitionSql(relation),
    // Gives every setting its former value. Inside of a savepoint, a snapshot could not be exported later.
    'rollback to savepoint definition',
    'release savepoint definition',
  ];
  const results = (await client.query(statements.join(';\n'))) as unknown as pg.QueryResult[];
  const [session, definition] = results.filter(({ command }) => command === 'SELECT');
  return { session: session?.rows[0] ?? {}, rows: (definition?.rows ?? []) as DefinitionRow[] };
}

/** What a definition must contain to obey a setting, where its text can tell; any other setting counts. */
const OBEYS = new Map([
  ['lc_monetary', /\bmoney\b|to_(char|number)\([^;]*'[^']*L[^']*'/],
  ['lc_numeric', /to_(char|number)\(/],
  ['lc_time', /to_char\(/],
  ['xmlbinary', /xml/i],
  ['xmloption', /xml/i],
]);

function obeyedSettings(session: Record<string, string>, definition: string): Record<string, string> {
  const obeyed = Object.entries(session).filter(([name]) => OBEYS.get(name)?.test(definition) ?? true);
  return Object.fromEntries(
    obeyed.map(([name, value]) => [name, name === 'extra_float_digits' ? floatDigits(value) : value]),
  );
}

/** Every value from 1 on gives the shortest exact text. */
const floatDigits = (value: string): string => String(Math.min(1, Number(value)));
