import type { Queryable } from '../postgres/transaction.ts';
import type { Relation } from './catalog.ts';

/**
 * The rights that a query of the view needs and lacks, each with the GRANT: of the role itself on the columns of the view, and of the owners
 * of views on what these are built on. With `security_invoker` a view reads with the rights of the role.
 */
export async function rightsFaults(client: Queryable, view: Relation): Promise<string[]> {
  const { rows } = await client.query(
    `with recursive used as (
       select $1::oid as oid, (select oid from pg_roles where rolname = current_user) as reader, null::oid as by
       union
       select d.refobjid,
         case when exists (select from unnest(c.reloptions) o where o in ('security_invoker=true', 'security_invoker=on', 'security_invoker=1'))
           then u.reader else c.relowner end,
         c.oid
       from used u join pg_class c on c.oid = u.oid and c.relkind = 'v'
       join pg_rewrite w on w.ev_class = c.oid and w.ev_type = '1'
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid
     )
     select format('%I.%I', n.nspname, c.relname) as name, r.rolname::text as role, quote_ident(r.rolname) as "quotedRole",
       b.relname::text as "usedBy", has_schema_privilege(r.oid, n.oid, 'usage') as "mayUseSchema", quote_ident(n.nspname) as schema
     from used u join pg_class c on c.oid = u.oid join pg_namespace n on n.oid = c.relnamespace
     join pg_roles r on r.oid = u.reader left join pg_class b on b.oid = u.by
     where c.relkind in ('r', 'p', 'f', 'v', 'm') and not (
       case when u.by is null then has_table_privilege(r.oid, c.oid, 'select') or not exists (
         select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not has_column_privilege(r.oid, c.oid, a.attnum, 'select')
       ) else has_any_column_privilege(r.oid, c.oid, 'select') and has_schema_privilege(r.oid, n.oid, 'usage') end)
     order by 1, 2`,
    [view.oid],
  );
  return rows.map((row) => {
    const schema = row.mayUseSchema ? '' : `grant usage on schema ${row.schema} to ${row.quotedRole}; `;
    const by = row.usedBy === null ? '' : `, which view ${row.usedBy} reads with its rights`;
    return `role ${row.role} may not read ${row.name}${by}: ${schema}grant select on ${row.name} to ${row.quotedRole}`;
  });
}
