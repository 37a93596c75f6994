import { columnNameFaults } from '../../shared/model/columns.ts';
import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import { type ContentTypes, modelsOf } from '../../shared/source/propose-entry.ts';
import { RESERVED_COLUMN } from '../../shared/source/view-faults.ts';
import { loggedColumn, readTableKey } from './table-key.ts';
import { plainName } from './view-proposal.ts';

/** A table without partitions of its own parent, and what a view of it shows. */
type ModelTable = {
  oid: number;
  /** Unquoted and without its schema. */
  table: string;
  /** Quoted and with its schema. */
  name: string;
  columns: string[];
  foreignKeys: ForeignKey[];
};

type ForeignKey = {
  column: string;
  /** Quoted and with its schema. */
  references: string;
  referencedColumn: string;
  /** The column of the referenced table that names its rows; null if none obviously does. */
  label: string | null;
};

/** The columns of a lookup that a reader would take for its name, the best first. */
const LABELS = ['name', 'title', 'label', 'description', 'username', 'code'];
/** Tables of Django and of libraries that no report is about. */
const INTERNAL =
  /^(django_(?!.*(comment|flatpage))|auth_(permission|group_permissions|user_groups|user_user_permissions)|celery|django_celery|sessions?$|spatial_ref_sys$|models_logging)/;
/** Columns that no report may show. */
const SECRET = /(password|passwd|secret|token|api_?key|private_?key)/i;

/**
 * The statements that create a view for each table, as a script: key first, foreign keys joined to the names of their rows. Tables without a key that a
 * log row could name are comments that say what is missing. `without` are the tables that need none, by their oid.
 */
export async function viewStatements(
  client: Queryable,
  types: ContentTypes,
  without: ReadonlySet<number>,
): Promise<{ sql: string; views: string[] }> {
  const tables = (await readTables(client)).filter(
    ({ oid, table }) => !without.has(oid) && !INTERNAL.test(table),
  );
  const taken = new Set(await readNames(client));
  const parts: (string | PlannedView)[] = [];
  for (const table of tables) {
    const key = await readTableKey(client, table);
    const keyColumn = key.primaryKey.length === 1 ? (key.primaryKey[0] ?? null) : loggedColumn(key);
    if (keyColumn === null) {
      parts.push(withoutKey(table, key.primaryKey));
      continue;
    }
    const view = freeName(table, taken);
    taken.add(view);
    parts.push(planView(table, { view, keyColumn, model: modelName(table, types) }));
  }
  const views = parts.filter((part) => typeof part !== 'string');
  const quote = await readQuotes(client, [...views.map(({ view }) => view), ...views.flatMap(namesIn)]);
  const written = parts.map((part) => (typeof part === 'string' ? part : createView(part, quote)));
  return { sql: `${[HEAD, ...written].join('\n\n')}\n`, views: views.map(({ view }) => view) };
}

const HEAD = `-- Views to replicate, one per table: the key comes first, and foreign keys are joined to the names of the rows that they point at. Change
-- names and columns as reports need them. Run it as the owner of the tables; then let the role of the functions read the views:
-- grant select on … to …;`;

const withoutKey = ({ name }: ModelTable, primaryKey: readonly string[]): string =>
  commented(
    primaryKey.length === 0
      ? `No view of ${name}: it has no primary key, by which log rows name its rows. Add one, or a unique index on one column that is never NULL.`
      : `No view of ${name}: its primary key has the columns ${primaryKey.join(', ')}, but a log row names one value. Give it a column of its own as the primary key.`,
  );

const commented = (text: string): string => `-- ${text.replace(/[\r\n]+/g, ' ')}`;

/** A name that a view source can have and that no table or view has. */
function freeName({ table, oid }: ModelTable, taken: ReadonlySet<string>): string {
  const base = `${(plainName(table) ?? `table_${oid}`).toLowerCase().slice(0, 50)}_report`;
  let name = base;
  for (let n = 2; taken.has(name); n += 1) name = `${base}_${n}`;
  return name;
}

/** What one row is, by which a key named `id` is called. */
function modelName({ table }: ModelTable, types: ContentTypes): string {
  const [found] = modelsOf({ table }, types);
  return (plainName(found?.model ?? table.replace(/^[^_]+_(?=.)/, '')) ?? 'row').toLowerCase();
}

/** A view before its names are quoted. */
type PlannedView = {
  view: string;
  /** Quoted and with its schema. */
  from: string;
  items: { alias: string; column: string; shownAs: string }[];
  joins: { alias: string; key: ForeignKey }[];
  leftOut: string[];
};

function planView(
  { name, columns, foreignKeys }: ModelTable,
  { view, keyColumn, model }: { view: string; keyColumn: string; model: string },
): PlannedView {
  const names = new ColumnNames();
  const planned: PlannedView = { view, from: name, items: [], joins: [], leftOut: [] };
  const show = (alias: string, column: string, wanted: string): void => {
    planned.items.push({ alias, column, shownAs: names.free(wanted) });
  };
  const isPlain = keyColumn === 'id' && !columns.includes(`${model}_id`);
  show('t', keyColumn, isPlain ? `${model}_id` : keyColumn);
  for (const column of columns.filter((each) => each !== keyColumn)) {
    if (SECRET.test(column)) {
      planned.leftOut.push(column);
      continue;
    }
    show('t', column, column);
    const key = foreignKeys.find((each) => each.column === column);
    if (key === undefined || key.label === null) continue;
    const alias = `l${planned.joins.length + 1}`;
    planned.joins.push({ alias, key });
    const role = column.replace(/_id$/i, '');
    show(alias, key.label, columns.includes(role) ? `${role}_${key.label}` : role);
  }
  return planned;
}

const namesIn = ({ items, joins }: PlannedView): string[] => [
  ...items.flatMap(({ column, shownAs }) => [column, shownAs]),
  ...joins.flatMap(({ key }) => [key.column, key.referencedColumn]),
];

type Quote = (name: string) => string;

/** Quotes names as the server does: only those that need it, its reserved words among them. */
async function readQuotes(client: Queryable, names: readonly string[]): Promise<Quote> {
  const { rows } = await client.query(
    'select name, quote_ident(name) as quoted from unnest($1::text[]) as name',
    [[...new Set(names)]],
  );
  const quoted = new Map(rows.map((row) => [row.name as string, row.quoted as string]));
  return (name) => quoted.get(name) ?? quoteIdentifier(name);
}

function createView({ view, from, items, joins, leftOut }: PlannedView, quote: Quote): string {
  const selected = items.map(({ alias, column, shownAs }) => {
    const value = `  ${alias}.${quote(column)}`;
    return column === shownAs ? value : `${value} as ${quote(shownAs)}`;
  });
  const joined = joins.map(
    ({ alias, key }) =>
      `left join ${key.references} ${alias} on ${alias}.${quote(key.referencedColumn)} = t.${quote(key.column)}`,
  );
  const lines = [
    ...(leftOut.length === 0
      ? []
      : [commented(`Left out, since reports must not show them: ${leftOut.join(', ')}`)]),
    `create view ${quote(view)} as`,
    `select\n${selected.join(',\n')}`,
    [`from ${from} t`, ...joined].join('\n'),
  ];
  return `${lines.join('\n')};`;
}

/** Gives each column a name that the target can have: BigQuery takes names that differ only by case for equal. */
class ColumnNames {
  readonly #taken = new Set<string>();

  free(wanted: string): string {
    const isFit = columnNameFaults([wanted]).length === 0 && !RESERVED_COLUMN.test(wanted);
    const base = isFit ? wanted : `${plainName(wanted) ?? 'column'}_value`;
    let name = base;
    for (let n = 2; this.#taken.has(name.toLowerCase()); n += 1) name = `${base}_${n}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

/** The tables that belong to no extension, with their columns and single-column foreign keys; partitions are left out. */
async function readTables(client: Queryable): Promise<ModelTable[]> {
  const { rows } = await client.query(
    `select c.oid, c.relname::text as table, format('%I.%I', n.nspname, c.relname) as name,
       array(
         select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         order by a.attnum) as columns,
       (select coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'references', format('%I.%I', m.nspname, p.relname),
            'referencedColumn', r.attname, 'label', (
              select l.attname from pg_attribute l
              where l.attrelid = p.oid and l.attnum > 0 and not l.attisdropped and l.attname = any($1::text[])
              order by array_position($1::text[], l.attname::text) limit 1)) order by a.attnum), '[]')
        from pg_constraint k
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute r on r.attrelid = k.confrelid and r.attnum = k.confkey[1]
        join pg_class p on p.oid = k.confrelid join pg_namespace m on m.oid = p.relnamespace
        where k.contype = 'f' and k.conrelid = c.oid and cardinality(k.conkey) = 1 and k.conparentid = 0
          and k.confrelid <> c.oid) as "foreignKeys"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
       and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by name`,
    [LABELS],
  );
  return rows as ModelTable[];
}

async function readNames(client: Queryable): Promise<string[]> {
  const { rows } = await client.query('select relname::text as name from pg_class');
  return rows.map((row) => row.name as string);
}
