import type { Queryable } from '../postgres/transaction.ts';
import type { Relation } from './catalog.ts';

/** SQL that begins a query about the view $1: `relation` has the view itself and all that its rules, and the rules of these, refer to. */
const RELATIONS_BY_ANY_RULE = `with recursive relation as (
       select $1::oid as oid
       union
       select d.refobjid from relation r
       join pg_rewrite w on w.ev_class = r.oid
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.oid
     )`;

/** The condition that the catalog does not record all columns that rule `w` reads: it refers to a whole row, or calls a function that may read a table. */
const IS_OPAQUE = `(w.ev_action::text ~ ':varattno 0 ' or exists (
  select from pg_depend d join pg_proc p on p.oid = d.refobjid
  where d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_proc'::regclass))`;

/**
 * Reads the columns of `table` on which the view depends, in alphabetical order: those in any clause of the view or of the views
 * that it is built on, and those from which generated columns among these are computed. Returns all columns where the catalog does not record the
 * dependency: the view refers to a whole row, or calls a function that may read the table, or `view` is a table.
 */
export async function readDependedColumns(
  client: Queryable,
  view: Relation,
  table: Pick<Relation, 'oid'>,
): Promise<string[]> {
  const { rows } = await client.query(
    `${RELATIONS_BY_ANY_RULE}, rule as (
       select w.oid,
         ${IS_OPAQUE} as is_opaque
       from relation r join pg_rewrite w on w.ev_class = r.oid
     ), depended as (
       select d.refobjsubid as attnum from rule
       join pg_depend d on d.objid = rule.oid and d.classid = 'pg_rewrite'::regclass
         and d.refclassid = 'pg_class'::regclass and d.refobjid = $2
       union
       select d.refobjsubid from depended
       join pg_attrdef f on f.adrelid = $2 and f.adnum = depended.attnum
       join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = $2
         -- From PostgreSQL 15 on, the expression of a generated column depends on the other columns; before, the column itself does.
         and ((d.classid = 'pg_attrdef'::regclass and d.objid = f.oid)
           or (d.classid = 'pg_class'::regclass and d.objid = $2 and d.objsubid = depended.attnum))
     )
     select a.attname::text as column
     from pg_attribute a
     where a.attrelid = $2 and a.attnum > 0 and not a.attisdropped
       and ($3 or (select bool_or(is_opaque) from rule) or a.attnum in (select attnum from depended))
     order by 1`,
    [view.oid, table.oid, !view.isView],
  );
  return rows.map((row) => row.column as string);
}

/**
 * Reads which of these columns the view names exactly once in its definition, and no view that it is built on names twice: such a column is
 * shown as it is, and no condition or expression uses it. None where a whole row or a function may use it without its name.
 */
export async function readColumnsNamedOnce(
  client: Queryable,
  view: Relation,
  columns: readonly string[],
): Promise<string[]> {
  const words = columns.filter((name) => /^\w+$/.test(name));
  if (!view.isView || words.length === 0) return [];
  const { rows } = await client.query(
    `${RELATIONS_BY_ANY_RULE}, definition as (
       select r.oid = $1 as is_outermost, pg_get_viewdef(r.oid) as text, ${IS_OPAQUE} as is_opaque
       from relation r join pg_class c on c.oid = r.oid and c.relkind in ('v', 'm') join pg_rewrite w on w.ev_class = r.oid
     )
     select name from unnest($2::text[]) as name where not exists (
       select from definition d
       where d.is_opaque or (select count(*) from regexp_matches(d.text, '\\m' || name || '\\M', 'g'))
         not between d.is_outermost::int and 1)`,
    [view.oid, words],
  );
  return rows.map((row) => row.name as string);
}
