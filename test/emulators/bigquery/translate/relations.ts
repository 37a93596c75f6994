import type { ast } from '@polyglot-sql/sdk';
import { unsupported } from '../error.ts';
import { fieldName } from './functions.ts';
import { structNames } from './struct-array.ts';
import type { Expression, Select } from './syntax-tree.ts';

/** Something in a FROM clause: its name there, in lower case, and the names of its columns, as written. */
export interface Relation {
  readonly alias: string;
  readonly columns: readonly string[];
}

/** Columns of WITH queries that are visible, by name in lower case. */
export type NamedQueries = ReadonlyMap<string, readonly string[]>;

/** What a query can see: its own relations, its output names where they count, and what is around it. */
export interface Scope {
  readonly relations: readonly Relation[];
  readonly outputs: readonly string[];
  readonly queries: NamedQueries;
  readonly outer?: Scope;
}

export const EMPTY_SCOPE: Scope = { relations: [], outputs: [], queries: new Map() };

/** Tells the columns of a table, given its path as written. */
export type ColumnsOf = (path: string) => readonly string[];

/** Does an unqualified name mean a column (or a whole relation) here, rather than a variable? */
export function isColumn(scope: Scope | undefined, name: string): boolean {
  for (let place = scope; place; place = place.outer) {
    if (place.outputs.includes(name)) return true;
    if (place.relations.some(({ alias, columns }) => alias === name || includes(columns, name))) return true;
  }
  return false;
}

/** The path of a table as written, however its parts are quoted. */
export function tablePath(table: {
  name: { name: string };
  schema?: { name: string } | null;
  catalog?: { name: string } | null;
}): string {
  return [table.catalog, table.schema, table.name].flatMap((part) => part?.name ?? []).join('.');
}

/** The relations that an item of FROM or JOIN brings. */
export function relationsOf(item: Expression, queries: NamedQueries, columnsOf: ColumnsOf): Relation[] {
  if ('table' in item) {
    const path = tablePath(item.table);
    const alias = (item.table.alias?.name ?? path.split('.').at(-1) ?? path).toLowerCase();
    return [{ alias, columns: queries.get(path.toLowerCase()) ?? columnsOf(path) }];
  }
  if ('subquery' in item) {
    const { alias, column_aliases: aliases, this: query } = item.subquery;
    const columns =
      aliases.length > 0 ? aliases.map(({ name }) => name) : outputNames(query, queries, columnsOf);
    return [{ alias: alias?.name.toLowerCase() ?? '', columns }];
  }
  if ('unnest' in item) return [unnested(item.unnest, item.unnest.alias?.name ?? '')];
  if ('alias' in item && 'unnest' in item.alias.this) {
    return [unnested(item.alias.this.unnest, item.alias.alias.name)];
  }
  if ('joined_table' in item) {
    const { left, joins } = item.joined_table;
    return [left, ...joins.map((join) => join.this)].flatMap((each) => relationsOf(each, queries, columnsOf));
  }
  if ('paren' in item) return relationsOf(item.paren.this, queries, columnsOf);
  throw unsupported(`${Object.keys(item)[0]} in FROM`);
}

function unnested(unnest: ast.ExpressionByKey<'unnest'>['unnest'], alias: string): Relation {
  const offset = unnest.offset_alias?.name ?? [];
  return { alias: alias.toLowerCase(), columns: [structNames(unnest.this) ?? alias, offset].flat() };
}

/** The names of a query's columns, in order; an unnamed column is an empty string. */
export function outputNames(query: Expression, outer: NamedQueries, columnsOf: ColumnsOf): string[] {
  if ('union' in query) return outputNames(query.union.left, withQueries(query, outer, columnsOf), columnsOf);
  if ('intersect' in query) {
    return outputNames(query.intersect.left, withQueries(query, outer, columnsOf), columnsOf);
  }
  if ('except' in query) {
    return outputNames(query.except.left, withQueries(query, outer, columnsOf), columnsOf);
  }
  if ('subquery' in query) return outputNames(query.subquery.this, outer, columnsOf);
  if ('paren' in query) return outputNames(query.paren.this, outer, columnsOf);
  if ('select' in query) {
    const relations = selectRelations(query.select, withQueries(query, outer, columnsOf), columnsOf);
    return query.select.expressions.flatMap(
      (expression) => starNames(expression, relations) ?? [fieldName(expression) ?? ''],
    );
  }
  throw unsupported(`${Object.keys(query)[0]} as a query`);
}

export function selectRelations(select: Select, queries: NamedQueries, columnsOf: ColumnsOf): Relation[] {
  const items = [...(select.from?.expressions ?? []), ...select.joins.map((join) => join.this)];
  return items.flatMap((item) => relationsOf(item, queries, columnsOf));
}

/** The queries of an expression's own WITH clause, added to those around it. */
export function withQueries(query: Expression, outer: NamedQueries, columnsOf: ColumnsOf): NamedQueries {
  const clause =
    'select' in query
      ? query.select.with
      : 'union' in query
        ? query.union.with
        : 'intersect' in query
          ? query.intersect.with
          : 'except' in query
            ? query.except.with
            : undefined;
  if (!clause) return outer;
  const queries = new Map(outer);
  for (const { alias, columns, this: body } of clause.ctes) {
    const names =
      columns.length > 0 ? columns.map(({ name }) => name) : outputNames(body, queries, columnsOf);
    queries.set(alias.name.toLowerCase(), names);
  }
  return queries;
}

function starNames(expression: Expression, relations: readonly Relation[]): string[] | undefined {
  if (!('star' in expression)) return undefined;
  const { table, except } = expression.star;
  const hidden = (except ?? []).map(({ name }) => name.toLowerCase());
  return relations
    .filter(({ alias }) => !table || alias === table.name.toLowerCase())
    .flatMap(({ columns }) => columns)
    .filter((name) => !hidden.includes(name.toLowerCase()));
}

function includes(names: readonly string[], lowerCaseName: string): boolean {
  return names.some((name) => name.toLowerCase() === lowerCaseName);
}
