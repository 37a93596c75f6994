import { unsupported } from '../error.ts';
import { fieldName } from './functions.ts';
import type { Expression, Select } from './syntax-tree.ts';

/** An item of a FROM clause: its name there, in lower case, and the names of its columns, as written. */
export interface Relation {
  readonly alias: string;
  readonly columns: readonly string[];
}

/** The columns of the visible WITH queries, by the name of the query in lower case. */
export type NamedQueries = ReadonlyMap<string, readonly string[]>;

/** What a query can see: its relations, its output names in the clauses that see them, and the scope around it. */
export interface Scope {
  readonly relations: readonly Relation[];
  readonly outputs: readonly string[];
  readonly queries: NamedQueries;
  readonly outer?: Scope;
}

export const EMPTY_SCOPE: Scope = { relations: [], outputs: [], queries: new Map() };

/** Returns the columns of a table, by its path as written. */
export type ColumnsOf = (path: string) => readonly string[];

/**
 * Is an unqualified name a column or a relation here? A column hides a variable of the same name:
 * https://cloud.google.com/bigquery/docs/multi-statement-queries#reference_a_user-created_variable
 */
export function isColumn(scope: Scope | undefined, name: string): boolean {
  for (let place = scope; place; place = place.outer) {
    if (place.outputs.includes(name)) return true;
    if (place.relations.some(({ alias, columns }) => alias === name || includes(columns, name))) return true;
  }
  return false;
}

/** UNNEST as an item of FROM. Its alias is the name of the elements, and `offset` that of their positions. */
export interface Unnested {
  readonly array: Expression;
  readonly alias: string;
  readonly offset?: string;
}

/**
 * UNNEST as an item of FROM; undefined for another item.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#unnest_operator
 */
export function unnestOf(item: Expression): Unnested | undefined {
  const [node, alias] = 'alias' in item ? [item.alias.this, item.alias.alias.name] : [item, undefined];
  if (!('unnest' in node)) return undefined;
  const { unnest } = node;
  const name = alias ?? unnest.alias?.name;
  if (name === undefined || (unnest.expressions?.length ?? 0) > 0) throw unsupported('this form of UNNEST');
  const offset = unnest.offset_alias?.name ?? (unnest.with_ordinality ? 'offset' : undefined);
  return { array: unnest.this, alias: name, ...(offset !== undefined && { offset }) };
}

/** The path of a table, with any quoting. */
export function tablePath(table: {
  name: { name: string };
  schema?: { name: string } | null;
  catalog?: { name: string } | null;
}): string {
  return [table.catalog, table.schema, table.name].flatMap((part) => part?.name ?? []).join('.');
}

/** The relations of an item of FROM or JOIN. */
export function relationsOf(item: Expression, queries: NamedQueries, columnsOf: ColumnsOf): Relation[] {
  const unnested = unnestOf(item);
  if (unnested) {
    const { alias, offset = [] } = unnested;
    return [{ alias: alias.toLowerCase(), columns: [alias].concat(offset) }];
  }
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
  if ('paren' in item) return relationsOf(item.paren.this, queries, columnsOf);
  throw unsupported(`${Object.keys(item)[0]} in FROM`);
}

/** The names of the columns of a query, in order; empty for a column without a name. */
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

/** The queries around an expression, and those of its own WITH clause. */
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
