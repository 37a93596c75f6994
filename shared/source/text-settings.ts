import { quoteLiteral } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { Relation } from './catalog.ts';

/** A setting on which the text of a value depends, with its value in this session, where that writes other texts than we want. */
export type TextSetting = { name: string; own: string };

type Rule = {
  /** The value under which we write. */
  written: string;
  /** Whether a session with this value writes the same text anyway. */
  isSame: (own: string) => boolean;
  /** The types whose text depends on the setting, by pg_type.typname. */
  types: readonly string[];
  /** Whether the text of a type that is not PostgreSQL's own may depend on it. */
  isOfExtensions: boolean;
};

const TIMES = ['date', 'timestamp', 'timestamptz'];
const GEOMETRY = ['point', 'lseg', 'path', 'box', 'polygon', 'line', 'circle'];

// The rules of json and jsonb compare their numbers with the text of a float8.
const FLOATS = ['float4', 'float8', 'json', 'jsonb', ...GEOMETRY];

const RULES = new Map<string, Rule>([
  [
    'DateStyle',
    {
      written: 'ISO, MDY',
      // The order of day and month matters to what is read, not to what is written.
      isSame: (own) => own.startsWith('ISO'),
      types: TIMES,
      isOfExtensions: true,
    },
  ],
  [
    'IntervalStyle',
    { written: 'postgres', isSame: (own) => own === 'postgres', types: ['interval'], isOfExtensions: true },
  ],
  [
    'extra_float_digits',
    { written: '1', isSame: (own) => Number(own) >= 1, types: FLOATS, isOfExtensions: true },
  ],
  [
    'bytea_output',
    { written: 'hex', isSame: (own) => own === 'hex', types: ['bytea'], isOfExtensions: true },
  ],
  // Nearly every database has another lc_monetary than C.
  [
    'lc_monetary',
    {
      written: 'C',
      isSame: (own) => own === 'C' || own === 'POSIX',
      types: ['money'],
      isOfExtensions: false,
    },
  ],
  ['TimeZone', { written: 'UTC', isSame: (own) => own === 'UTC', types: TIMES, isOfExtensions: true }],
]);

/**
 * Reads the settings of this session under which some column of the view would be written otherwise than we write it. `hasDatetimes` says that
 * texts of the view become times.
 */
export async function readTextSettings(
  client: Queryable,
  view: Relation,
  hasDatetimes: boolean,
): Promise<TextSetting[]> {
  const { rows } = await client.query(
    `with recursive part (type_id) as (
       -- The types of the columns, and those that they are made of.
       select atttypid from pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped
       union
       select inner_type.id from part join pg_type t on t.oid = part.type_id cross join lateral (
         select t.typbasetype where t.typtype = 'd'
         union all select t.typelem where t.typcategory = 'A'
         union all select a.atttypid from pg_attribute a
           where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
         union all select r.rngsubtype from pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)
       ) inner_type (id) where inner_type.id <> 0
     )
     select array_agg(t.typname::text) filter (where t.typnamespace = 'pg_catalog'::regnamespace) as "builtIn",
       coalesce(bool_or(t.typnamespace <> 'pg_catalog'::regnamespace and t.typtype = 'b' and t.typcategory <> 'A'), false) as "hasOthers",
       (select jsonb_object_agg(name, current_setting(name)) from unnest($2::text[]) as name) as settings
     from part join pg_type t on t.oid = part.type_id`,
    [view.oid, [...RULES.keys()]],
  );
  const found = rows[0] as { builtIn: string[] | null; hasOthers: boolean; settings: Record<string, string> };
  const types = new Set([...(found.builtIn ?? []), ...(hasDatetimes ? ['timestamptz'] : [])]);
  return [...RULES].flatMap(([name, { isSame, types: dependent, isOfExtensions }]) => {
    const own = found.settings[name] ?? '';
    const isNeeded = dependent.some((type) => types.has(type)) || (isOfExtensions && found.hasOthers);
    return isNeeded && !isSame(own) ? [{ name, own }] : [];
  });
}

/** SQL for the rows of a FROM item `from`, as `v`. `columns` are those that `write` needs, and `write` gives a SELECT with one row for each. */
type Rows = { columns: string; from: string; write: (from: string) => string };

/**
 * A query that computes rows under the settings of the database, as the application would, and writes their values under ours, so that the
 * text of a value is the same whatever the database sets (docs/architecture.md#collapse-fetch-and-copy). Where these settings differ, it changes
 * them between the two, and back, for each row: OFFSET 0 keeps the planner from moving an expression to another level, and the condition
 * of a level is evaluated before its SELECT list. `write` must not filter, sort or limit its rows.
 */
export function writtenRows(settings: readonly TextSetting[], { columns, from, write }: Rows): string {
  if (settings.length === 0) return write(from);
  const written = settings.map(({ name }) => set(name, RULES.get(name)?.written ?? ''));
  const own = settings.map((setting) => set(setting.name, setting.own));
  const computed = `(select ${columns} from ${from} offset 0) v`;
  return `select * from (
    ${write(`${computed}\n    where ${written.join(' and ')}`)} offset 0
  ) written where ${own.join(' and ')} offset 0`;
}

const set = (name: string, value: string): string =>
  `set_config('${name}', ${quoteLiteral(value)}, true) is not null`;
