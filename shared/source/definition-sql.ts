import { quoteLiteral } from '../postgres/quote.ts';

/** One object that makes the rows of a view, and a text that changes when it does. */
export type DefinitionRow = {
  kind: 'view' | 'function' | 'operator' | 'column' | 'type';
  name: string;
  text: string;
};

/** The type of a column, where no change between the types of one name changes a value: longer text, or more digits before the point. */
const TYPE_SQL = `
      case when a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then 'integer'
        when a.atttypid in ('text'::regtype, 'varchar'::regtype) then 'text'
        when a.atttypid = 'numeric'::regtype and a.atttypmod >= 0 then format('numeric with scale %s', (a.atttypmod - 4) & 2047)
        else format_type(a.atttypid, a.atttypmod) end`;

/**
 * The statement that reads by what the rows of a view are computed: the view, and what PostgreSQL's catalog says that it depends on, directly
 * or not. Each step asks the catalog by an index, since it may list very many objects. `relation` is the view's quoted name with its schema.
 */
export const definitionSql = (relation: string): string => `
-- Reads the definition of a view. Changes nothing.
with recursive object (class, oid, sub) as (
  select 'pg_class'::regclass::oid, ${quoteLiteral(relation)}::regclass::oid, 0
  union
  select needed.* from object o cross join lateral (
    -- What the rule of a view names: tables by their columns.
    select d.refclassid, d.refobjid, d.refobjsubid
    from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    where o.class = 'pg_class'::regclass and o.sub = 0 and w.ev_class = o.oid
    union all
    -- A rule that shows a row as a whole names none of its columns.
    select d.refclassid, a.attrelid, a.attnum
    from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      join pg_attribute a on a.attrelid = d.refobjid and a.attnum > 0 and not a.attisdropped
    where o.class = 'pg_class'::regclass and o.sub = 0 and w.ev_class = o.oid
      and d.refclassid = 'pg_class'::regclass and w.ev_action::text ~ ':varattno 0 '
    union all
    -- The type of a column, the function of an operator, what a function with a body in SQL names, the elements of an array.
    -- A base type has functions that read and write it, all in C.
    select d.refclassid, d.refobjid, d.refobjsubid
    from pg_depend d
    where d.classid = o.class and d.objid = o.oid
      and (o.class <> 'pg_class'::regclass or (o.sub > 0 and d.objsubid = o.sub))
      and not exists (
        select from pg_type t where o.class = 'pg_type'::regclass and t.oid = o.oid and t.typtype = 'b' and t.typcategory <> 'A')
    union all
    select o.class, o.oid, 0 where o.class = 'pg_class'::regclass and o.sub > 0
    union all
    -- The expression of a generated column.
    select 'pg_attrdef'::regclass, f.oid, 0
    from pg_attrdef f join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum and a.attgenerated <> ''
    where o.class = 'pg_class'::regclass and o.sub > 0 and f.adrelid = o.oid and f.adnum = o.sub
    union all
    -- The fields of a composite type.
    select 'pg_class'::regclass, a.attrelid, a.attnum
    from pg_type t join pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    where o.class = 'pg_type'::regclass and t.oid = o.oid
  ) needed (class, oid, sub)
  where needed.class in (
    'pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_attrdef'::regclass)
)
select kind, name, text from (
  select 'view' as kind, c.oid::regclass::text as name,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) else '' end as text
  from object o join pg_class c on o.class = 'pg_class'::regclass and c.oid = o.oid and o.sub = 0
  where c.relkind in ('v', 'm') or c.oid = ${quoteLiteral(relation)}::regclass
  union all
  select 'function', p.oid::regprocedure::text,
    case when p.prokind = 'a' then (select row(a.*)::text from pg_aggregate a where a.aggfnoid = p.oid)
      else pg_get_functiondef(p.oid) end
  from object o join pg_proc p on o.class = 'pg_proc'::regclass and p.oid = o.oid
  union all
  select 'operator', p.oid::regoperator::text, p.oprcode::regprocedure::text
  from object o join pg_operator p on o.class = 'pg_operator'::regclass and p.oid = o.oid
  union all
  select 'column', format('%s.%I', c.oid::regclass, a.attname),
    concat_ws(' ', ${TYPE_SQL}, nullif(a.attcollation, 0)::regcollation::text,
      (select pg_get_expr(f.adbin, f.adrelid) from pg_attrdef f
       where a.attgenerated <> '' and f.adrelid = a.attrelid and f.adnum = a.attnum))
  from object o join pg_class c on o.class = 'pg_class'::regclass and c.oid = o.oid and o.sub > 0
    join pg_attribute a on a.attrelid = c.oid and a.attnum = o.sub
  where c.relkind not in ('v', 'm')
  union all
  select 'type', t.oid::regtype::text,
    case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod)
      else (select string_agg(quote_literal(e.enumlabel), ' ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) end
  from object o join pg_type t on o.class = 'pg_type'::regclass and t.oid = o.oid and t.typtype in ('d', 'e')
) definition order by kind collate "C", name collate "C"`;
