import type { Queryable } from '../../shared/postgres/transaction.ts';
import { type Relation, readColumns } from '../../shared/source/catalog.ts';
import { isOfOtherRows } from '../../shared/source/change-notes.ts';
import { readColumnOrigin } from '../../shared/source/column-origin.ts';
import { findKeys, type ShownKey, tablesAmong } from '../../shared/source/propose-entry.ts';
import type { Dependency, ViewDefinition } from '../../shared/source/view-definition.ts';
import { describeProof, isProven, type KeyProof, proveKeys } from './prove-keys.ts';
import { loggedColumn, readTableKey, type TableKey } from './table-key.ts';

/** The main table and the key of a view, or what a person must decide. */
export type KeyChoice = {
  key: ShownKey | null;
  reasons: { main_table?: string; key_column?: string };
  todo: string[];
  /** Null if the rows could not be read in time. */
  rows: number | null;
};

type Looked = { view: Relation; definition: ViewDefinition };

/** A column that may be the key, and why that is so although it is no primary key of its own. */
type Candidate = ShownKey & { because: string };

/**
 * Chooses by the data, then by foreign keys: the key is unique and never NULL in all rows of the view, and the rows of the main table point at those of
 * the other tables whose keys are unique, too.
 */
export async function chooseKey(
  client: Queryable,
  { view, definition }: Looked,
  seconds: number,
): Promise<KeyChoice> {
  const tables = readTables(definition);
  const tableKeys = new Map<number, TableKey>();
  for (const { oid } of tables) tableKeys.set(oid, await readTableKey(client, { oid }));
  const candidates = await findCandidates(client, view, { tables, tableKeys });
  const columns = [...new Set(candidates.map(({ column }) => column))];
  const proof = await proveKeys(client, view.name, { columns, seconds });
  const rows = proof?.rows ?? null;
  if (candidates.length === 0) {
    const todo = await whyNone(client, { view, definition, tableKeys }, seconds);
    return { key: null, reasons: {}, todo, rows };
  }
  const left = proof === null ? candidates : candidates.filter(({ column }) => isProven(proof, column));
  if (left.length === 0) return { key: null, reasons: {}, todo: [notUnique(candidates, proof)], rows };
  const [first, ...others] = firstPerTable(left);
  const dependsOnOthers = definition.parts.some(isOfOtherRows);
  const chosen =
    first === undefined || others.length === 0
      ? first
      : dependsOnOthers
        ? undefined
        : await findRoot(client, [first, ...others]);
  if (chosen === undefined) return { key: null, reasons: {}, todo: [several(left)], rows };
  return {
    key: chosen,
    reasons: {
      main_table: describeMain(chosen, others.length + 1, candidates.length),
      key_column: `${chosen.because}; ${proof === null ? unproven(seconds) : describeProof(proof, chosen.column)}.`,
    },
    todo: [],
    rows,
  };
}

const unproven = (seconds: number): string =>
  `not proven on the data, since reading the rows took longer than ${seconds} s (--timeout gives it more); the first load refuses a key that is there twice`;

function describeMain({ table }: ShownKey, unique: number, shown: number): string {
  if (shown === 1) return `The view shows the key of ${table.name} alone.`;
  return unique === 1
    ? `Of the tables whose keys the view shows, only the key of ${table.name} is unique in its rows.`
    : `Its rows point at those of the other tables whose keys are unique in the view.`;
}

async function findCandidates(
  client: Queryable,
  view: Relation,
  { tables, tableKeys }: { tables: readonly Dependency[]; tableKeys: ReadonlyMap<number, TableKey> },
): Promise<Candidate[]> {
  const shown = (await findKeys(client, view, tables)).map((key) => ({
    ...key,
    because: `Shows the primary key of ${key.table.name}`,
  }));
  const found: Candidate[] = [];
  for (const { column } of await readColumns(client, view)) {
    const origin = await readColumnOrigin(client, view, column);
    const table = tables.find(({ oid }) => oid === origin?.relation);
    const key = table && tableKeys.get(table.oid);
    if (key === undefined || table === undefined || key.primaryKey.length === 1) continue;
    if (loggedColumn(key) !== origin?.column) continue;
    const because =
      key.primaryKey.length === 0
        ? `Shows ${origin?.column} of ${table.name}, which has no primary key, but a unique index on this column`
        : `Shows ${origin?.column} of ${table.name}, which its primary key has beside the column of the partitions`;
    found.push({ column, table, because });
  }
  return [...shown, ...found];
}

/** A view may show a key twice. */
const firstPerTable = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ table }, i) => candidates.findIndex((each) => each.table.oid === table.oid) === i);

/** The candidate whose table leads, by foreign keys, to the tables of all others, and none of them back; undefined if there is none. */
async function findRoot(client: Queryable, candidates: readonly Candidate[]): Promise<Candidate | undefined> {
  const reached = new Map<number, Set<number>>();
  for (const { table } of candidates) {
    const { rows } = await client.query(
      `with recursive reached as (
         select confrelid as oid from pg_constraint where contype = 'f' and conrelid = $1
         union
         select c.confrelid from reached r join pg_constraint c on c.contype = 'f' and c.conrelid = r.oid
       ) select oid from reached`,
      [table.oid],
    );
    reached.set(table.oid, new Set(rows.map((row) => row.oid as number)));
  }
  return candidates.find(({ table }) =>
    candidates.every(
      (other) =>
        other.table.oid === table.oid ||
        (reached.get(table.oid)?.has(other.table.oid) && !reached.get(other.table.oid)?.has(table.oid)),
    ),
  );
}

/** Without those of which a function has only the type of their rows. */
const readTables = ({ dependencies }: ViewDefinition): Dependency[] =>
  tablesAmong(dependencies).filter(({ occurrences }) => occurrences > 0);

const listed = (candidates: readonly Candidate[]): string =>
  candidates.map(({ column, table }) => `${table.name} (key_column ${column})`).join(' or ');

const several = (candidates: readonly Candidate[]): string =>
  `main_table, key_column: ${listed(candidates)}? The key of each is unique in the view, and no foreign keys lead from one of them to all others. Name the table whose rows the view shows.`;

function notUnique(candidates: readonly Candidate[], proof: KeyProof | null): string {
  const each = candidates.map(
    ({ column }) => `${column}: ${proof === null ? 'not read in time' : describeProof(proof, column)}`,
  );
  return `key_column: no key that the view shows is unique and never NULL (${each.join('; ')}). Let the view show one row per row of its main table, and the primary key of that.`;
}

/** Why the view shows no column that log rows could name, and what is possible. */
async function whyNone(
  client: Queryable,
  { view, definition, tableKeys }: Looked & { tableKeys: ReadonlyMap<number, TableKey> },
  seconds: number,
): Promise<string[]> {
  const tables = readTables(definition);
  if (tables.length === 0) return [withoutTables(definition)];
  const sentences: string[] = [];
  for (const table of tables) {
    const { primaryKey = [] } = tableKeys.get(table.oid) ?? {};
    const { name } = table;
    if (primaryKey.length === 1) {
      sentences.push(`Of ${name}, let the view show the primary key ${primaryKey[0]}.`);
    } else if (primaryKey.length === 0) {
      sentences.push(
        `Table ${name} has no primary key, by which log rows name its rows: add one (alter table … add primary key (…)), or a unique index on one column that is never NULL, and let the view show that column.`,
      );
    } else {
      sentences.push(
        `Table ${name} has the composite primary key (${primaryKey.join(', ')}), but a log row names one value. ${await describeParts(client, { view, table, primaryKey }, seconds)}Possible are a column of its own as the primary key, as Django makes it (alter table … drop constraint …, add column id bigint generated always as identity primary key, add unique (${primaryKey.join(', ')})), which the view shows; or a view in which one of these columns alone is unique, if the log names that.`,
      );
    }
  }
  return [`key_column: the view shows no column that log rows could name. ${sentences.join(' ')}`];
}

function withoutTables({ dependencies, functions }: ViewDefinition): string {
  const own = functions.filter(({ isBuiltIn }) => !isBuiltIn).map(({ name }) => `${name}()`);
  const foreign = dependencies.filter(({ kind }) => kind === 'f').map(({ name }) => `foreign table ${name}`);
  const only = [...own, ...foreign].join(', ');
  return `main_table, key_column: the catalog shows no table behind the view${only === '' ? '' : `, only ${only}`}. Name the table whose rows the view shows, and the column that shows its primary key.`;
}

/** Which columns of a composite key are unique alone, in the rows that the view has at present. */
async function describeParts(
  client: Queryable,
  { view, table, primaryKey }: { view: Relation; table: Dependency; primaryKey: readonly string[] },
  seconds: number,
): Promise<string> {
  const shown: string[] = [];
  for (const { column } of await readColumns(client, view)) {
    const origin = await readColumnOrigin(client, view, column);
    if (origin?.relation === table.oid && primaryKey.includes(origin.column)) shown.push(column);
  }
  const proof = await proveKeys(client, view.name, { columns: shown, seconds });
  if (proof === null || proof.rows === 0) return '';
  const unique = shown.filter((column) => isProven(proof, column));
  return unique.length === 0
    ? ''
    : `In the present rows of the view ${unique.join(' and ')} alone is ${describeProof(proof, unique[0] ?? '')}. `;
}
