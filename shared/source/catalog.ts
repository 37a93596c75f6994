import type { Queryable } from '../postgres/transaction.ts';

/** A table or view. */
export type Relation = {
  oid: number;
  /** Quoted and with its schema. */
  name: string;
  isView: boolean;
  isMaterialized: boolean;
};

/** The type of a column, as PostgreSQL's catalog describes it. A domain is resolved to its base type. */
export type SourceType = {
  /** pg_type.typname; of an array, that of its elements. */
  name: string;
  /** pg_type.typtype of the same type: b, c, d, e, p, r or m. */
  kind: string;
  /** Whether it is one of PostgreSQL's own types: others may have the same name. */
  isBuiltIn: boolean;
  /** The type modifier of the column; -1 if it has none. */
  modifier: number;
  isArray: boolean;
  /** The declared dimensions of an array; 0 if unknown. */
  dimensions: number;
};

export type CatalogColumn = SourceType & { column: string };

/** A relation, with what tells whether the role can read it. */
export type NamedRelation = Relation & {
  schema: string;
  /** pg_class.relkind. */
  kind: string;
  /** Whether the name alone finds it, along the search path. */
  isVisible: boolean;
  mayUseSchema: boolean;
  mayRead: boolean;
};

/**
 * Finds the tables and views that a configured name means: one that it finds along the search path, as it is written; else those of a schema
 * (`schema.table`), also as PostgreSQL quotes it (`"my.schema"."Table"`). Returns several if dots leave it open where the schema ends.
 */
export async function relationsNamed(client: Queryable, name: string): Promise<NamedRelation[]> {
  const { rows } = await client.query(
    `select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind = 'v' as "isView", c.relkind = 'm' as "isMaterialized",
       c.relkind::text as kind, n.nspname::text as schema, c.oid is not distinct from to_regclass(quote_ident($1))::oid as "isVisible",
       has_schema_privilege(n.oid, 'usage') as "mayUseSchema", has_any_column_privilege(c.oid, 'select') as "mayRead"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f')
       and (c.oid = to_regclass(quote_ident($1)) or strpos($1, '.') > 0
         and (n.nspname || '.' || c.relname = $1 or format('%I.%I', n.nspname, c.relname) = $1))
     order by "isVisible" desc, 2`,
    [name],
  );
  const found = rows as NamedRelation[];
  const visible = found.filter(({ isVisible }) => isVisible);
  return visible.length > 0 ? visible : found;
}

/** Finds the table or view that a configured name means. Returns null if there is none or more than one, or if the role may not read it. */
export async function findRelation(client: Queryable, name: string): Promise<Relation | null> {
  const [found, other] = await relationsNamed(client, name);
  if (found === undefined || other !== undefined || !found.mayUseSchema || !found.mayRead) return null;
  const { oid, name: quoted, isView, isMaterialized } = found;
  return { oid, name: quoted, isView, isMaterialized };
}

/** SQL for the name by which a view source names table `c` of schema `n`: without the schema if the search path finds it. */
export const CONFIGURED_NAME = `case when pg_table_is_visible(c.oid) then c.relname::text
       when strpos(n.nspname, '.') + strpos(c.relname, '.') = 0 then n.nspname || '.' || c.relname
       else format('%I.%I', n.nspname, c.relname) end`;

/** The name by which a view source names a table that exists. */
export async function configuredName(client: Queryable, oid: number): Promise<string> {
  const { rows } = await client.query(
    `select ${CONFIGURED_NAME} as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1`,
    [oid],
  );
  return rows[0].name as string;
}

/** Reads the columns of a relation, in order. */
export async function readColumns(client: Queryable, relation: Relation): Promise<CatalogColumn[]> {
  const { rows } = await client.query(
    `with recursive step as (
       select attnum, attname, atttypid as type_id, atttypmod as modifier, attndims::int as dimensions,
              false as is_array
       from pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped
       union all
       select s.attnum, s.attname,
              case when t.typtype = 'd' then t.typbasetype else t.typelem end,
              case when t.typtype = 'd' then t.typtypmod else s.modifier end,
              greatest(s.dimensions, t.typndims),
              s.is_array or t.typtype <> 'd'
       from step s join pg_type t on t.oid = s.type_id
       where t.typtype = 'd' or (t.typcategory = 'A' and t.typelem <> 0 and not s.is_array)
     )
     select s.attname::text as column, t.typname::text as name, t.typtype::text as kind,
            t.typnamespace = 'pg_catalog'::regnamespace as "isBuiltIn", s.modifier,
            s.is_array as "isArray", s.dimensions
     from step s join pg_type t on t.oid = s.type_id
     where t.typtype <> 'd' and (s.is_array or not (t.typcategory = 'A' and t.typelem <> 0))
     order by s.attnum`,
    [relation.oid],
  );
  return rows as CatalogColumn[];
}

/** Reads the primary key column of a table. Returns null if the table has no primary key or one with several columns. */
export async function readPrimaryKey(
  client: Queryable,
  table: Pick<Relation, 'oid'>,
): Promise<string | null> {
  const { rows } = await client.query(
    `select a.attname::text as column from pg_index i
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = $1 and i.indisprimary and i.indnkeyatts = 1`,
    [table.oid],
  );
  return (rows[0]?.column as string | undefined) ?? null;
}

/**
 * Reads what a column of a table points at: the column of `to` that its foreign key references, null if the database has no such foreign
 * key; and whether it may be NULL.
 */
export async function readForeignKey(
  client: Queryable,
  { from, column, to }: { from: Relation; column: string; to: Relation },
): Promise<{ referenced: string | null; isNullable: boolean }> {
  const { rows } = await client.query(
    `select not a.attnotnull as "isNullable", (
       select r.attname::text from pg_constraint c
       join pg_attribute r on r.attrelid = c.confrelid and r.attnum = c.confkey[1]
       where c.contype = 'f' and c.conrelid = a.attrelid and c.conkey = array[a.attnum] and c.confrelid = $3
       order by c.oid limit 1
     ) as referenced
     from pg_attribute a where a.attrelid = $1 and a.attname = $2`,
    [from.oid, column, to.oid],
  );
  const found = rows[0] as { referenced: string | null; isNullable: boolean } | undefined;
  return found ?? { referenced: null, isNullable: true };
}

/** SQL that begins a query about the view $1: `relation` has the view itself and everything that it is built on. */
export const RELATIONS_BEHIND = `with recursive relation as (
       select $1::oid as oid
       union
       select d.refobjid from relation r
       join pg_rewrite w on w.ev_class = r.oid and w.ev_type = '1'
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.oid
     )`;
