import type { ast } from '@polyglot-sql/sdk';
import { unsupported } from '../error.ts';
import { fieldName } from './functions.ts';
import { structNames } from './struct-array.ts';
import type { Expression, Select } from './syntax-tree.ts';

/** An item of a FROM clause: its alias in lower case and its column names as written. */
export interface Relation {
  readonly alias: string;
  readonly columns: readonly string[];
}

/** The columns of the visible WITH queries, by lower-case name. */
export type NamedQueries = ReadonlyMap<string, readonly string[]>;

/** The names that a query sees: its own relations, its output names where they apply, and the outer scope. */
export interface Scope {
  readonly relations: readonly Relation[];
  readonly outputs: readonly string[];
  readonly queries: NamedQueries;
  readonly outer?: Scope;
}

export const EMPTY_SCOPE: Scope = { relations: [], outputs: [], queries: new Map() };

/** Returns the columns of a table by its path as written. */
export type ColumnsOf = (path: string) => readonly string[];

/** Whether an unqualified name is a column or a relation here. Both take precedence over a variable. */
export function isColumn(scope: Scope | undefined, name: string): boolean {
  for (let place = scope; place; place = place.outer) {
    if (place.outputs.includes(name)) return true;
    if (place.relations.some(({ alias, columns }) => alias === name || includes(columns, name))) return true;
  }
  return false;
}

/** Returns the path of a table as written, without quotes. */
export function tablePath(table: {
  name: { name: string };
  schema?: { name: string } | null;
  catalog?: { name: string } | null;
}): string {
  return [table.catalog, table.schema, table.name].flatMap((part) => part?.name ?? []).join('.');
}

/** Returns the relations of an item of FROM or JOIN. */
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

/** Returns the names of a query's columns in order, with an empty string for an unnamed column. */
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

/** Returns the outer WITH queries plus those of the expression's own WITH clause. */
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
