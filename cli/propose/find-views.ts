import type { Queryable } from '../../shared/postgres/transaction.ts';
import { CONFIGURED_NAME, type Relation } from '../../shared/source/catalog.ts';
import { grantAdvice, quoteIfNeeded } from '../../shared/source/missing-relation.ts';

/** The views of a database: those that can be proposed, as a view source names them, those that cannot, each with why, and all of them. */
export type FoundViews = { proposable: string[]; others: string[]; all: Relation[] };

/**
 * Finds the views and materialized views that belong to no extension. A view that is not on the search path of the role, or that it may not read, comes
 * with the statement that changes this.
 */
export async function findViews(client: Queryable): Promise<FoundViews> {
  const { rows } = await client.query(
    `select c.oid, c.relkind = 'm' as "isMaterialized", ${CONFIGURED_NAME} as name, format('%I.%I', n.nspname, c.relname) as quoted, n.nspname::text as schema,
       current_user::text as role, pg_table_is_visible(c.oid) as "isVisible",
       has_schema_privilege(n.oid, 'usage') as "mayUseSchema", has_any_column_privilege(c.oid, 'select') as "mayRead"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by name`,
  );
  const views = rows as {
    oid: number;
    isMaterialized: boolean;
    name: string;
    quoted: string;
    schema: string;
    role: string;
    isVisible: boolean;
    mayUseSchema: boolean;
    mayRead: boolean;
  }[];
  const isProposable = ({ isVisible, mayUseSchema, mayRead }: (typeof views)[number]) =>
    isVisible && mayUseSchema && mayRead;
  return {
    all: views.map(({ oid, quoted, isMaterialized }) => ({
      oid,
      name: quoted,
      isView: !isMaterialized,
      isMaterialized,
    })),
    proposable: views.filter(isProposable).map(({ name }) => name),
    others: views
      .filter((view) => !isProposable(view))
      .map(({ quoted, schema, role, isVisible, mayUseSchema, mayRead }) => {
        const to = quoteIfNeeded(role);
        const grant = [
          ...(mayUseSchema ? [] : [`grant usage on schema ${quoteIfNeeded(schema)} to ${to};`]),
          ...(mayRead ? [] : [`grant select on ${quoted} to ${to};`]),
          ...(isVisible
            ? []
            : [`alter role ${to} set search_path = "$user", public, ${quoteIfNeeded(schema)};`]),
        ].join(' ');
        const why =
          isVisible || !mayUseSchema || !mayRead ? 'may not read it' : 'does not find it by its name';
        return `View ${quoted}: role ${role} ${why}. ${grantAdvice([{ why, grant }]) ?? ''}`;
      }),
  };
}
