import { ast } from '@polyglot-sql/sdk';
import type { Bindings } from '../engine.ts';
import { invalidQuery, unsupported } from '../error.ts';
import { quoted } from '../field.ts';
import { rewriteExpression } from './expressions.ts';
import { normalise } from './normalise.ts';
import { Placeholders } from './placeholders.ts';
import {
  EMPTY_SCOPE,
  isColumn,
  type NamedQueries,
  outputNames,
  relationsOf,
  type Scope,
  selectRelations,
  tablePath,
  type Unnested,
  unnestOf,
  withQueries,
} from './relations.ts';
import {
  call,
  type Expression,
  parseStatement,
  print,
  raw,
  type Select,
  type TableRef,
} from './syntax-tree.ts';
import type { Translated, TranslationContext } from './translation-context.ts';

/**
 * Translates the parts of a statement from GoogleSQL into DuckDB's SQL. The parts share their placeholders, so that they can be combined into
 * one statement.
 */
export class Translation {
  readonly #context: TranslationContext;
  readonly #placeholders: Placeholders;

  constructor(context: TranslationContext) {
    this.#context = context;
    this.#placeholders = new Placeholders(context);
  }

  get bindings(): Bindings {
    return this.#placeholders.bindings;
  }

  /** A query, with the names of its columns; a column without a name has an empty name. */
  query(sql: string): Translated & { readonly names: readonly string[] } {
    const tree = parseStatement(normalise(sql));
    if (!isQuery(tree) && !('subquery' in tree)) throw unsupported(`${Object.keys(tree)[0]} as a query`);
    const names = outputNames(tree, EMPTY_SCOPE.queries, this.#columnsOf);
    return { sql: print(this.#query(tree, EMPTY_SCOPE)), bindings: this.bindings, names };
  }

  /** An expression outside of a query. */
  expression(sql: string): Translated {
    const tree = parseStatement(normalise(`select ${sql}`));
    const [node, ...others] = 'select' in tree ? tree.select.expressions : [];
    if (!node || others.length > 0) {
      throw invalidQuery(`Syntax error: Expected one expression but got "${sql}"`);
    }
    return { sql: print(this.#expression(node, EMPTY_SCOPE)), bindings: this.bindings };
  }

  /** An expression of a tree of `parseStatement`, which sees these relations. */
  within(node: Expression, relations: readonly Expression[]): Expression {
    return this.#expression(node, this.#scopeOf(relations));
  }

  /** An item of a FROM clause. */
  relation(node: Expression): Expression {
    return this.#relation(node, EMPTY_SCOPE);
  }

  /** A query inside of a statement that the caller combines from parts. */
  subquery(node: Expression): Expression {
    return this.#query(node, EMPTY_SCOPE);
  }

  readonly #columnsOf = (path: string): readonly string[] => this.#context.source(path).columns;

  #scopeOf(items: readonly Expression[]): Scope {
    const relations = items.flatMap((item) => relationsOf(item, EMPTY_SCOPE.queries, this.#columnsOf));
    return { relations, outputs: [], queries: EMPTY_SCOPE.queries };
  }

  #query(node: Expression, outer: Scope): Expression {
    const queries = withQueries(node, outer.queries, this.#columnsOf);
    const around: Scope = { ...outer, queries };
    if ('select' in node) return { select: this.#select(node.select, queries, outer) };
    if ('subquery' in node) {
      return {
        subquery: { ...this.#clauses(node.subquery, around), this: this.#query(node.subquery.this, around) },
      };
    }
    if ('paren' in node) return { paren: { ...node.paren, this: this.#query(node.paren.this, around) } };
    const operation =
      'union' in node
        ? node.union
        : 'intersect' in node
          ? node.intersect
          : 'except' in node
            ? node.except
            : undefined;
    if (!operation) throw unsupported(`${Object.keys(node)[0]} as a query`);
    // https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#set_operators
    if (!operation.all && !operation.distinct) throw invalidQuery('Set operations need ALL or DISTINCT');
    const translated = {
      ...this.#clauses(operation, around),
      left: this.#query(operation.left, around),
      right: this.#query(operation.right, around),
      with: this.#with(operation.with, queries, outer),
    };
    return { [Object.keys(node)[0] ?? '']: translated } as Expression;
  }

  /** ORDER BY, LIMIT and OFFSET behind a query in parentheses or a set operation, which see output names only. */
  #clauses<T extends object>(clauses: T, scope: Scope): T {
    const order = 'order_by' in clauses ? (clauses.order_by as Select['order_by']) : null;
    if (!order) return clauses;
    const expressions = order.expressions.map((each) => ({
      ...each,
      this: this.#expression(each.this, { ...scope, relations: [] }),
    }));
    return { ...clauses, order_by: { ...order, expressions } };
  }

  /**
   * A query of WITH sees those before it. `queries` has the columns of all of them.
   * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#with_clause
   */
  #with<T extends Select['with']>(clause: T, queries: NamedQueries, outer: Scope): T {
    if (!clause) return clause;
    const visible = new Map<string, readonly string[]>(outer.queries);
    const ctes = clause.ctes.map((cte) => {
      const name = cte.alias.name.toLowerCase();
      if (clause.recursive) visible.set(name, queries.get(name) ?? []);
      const body = this.#query(cte.this, { ...outer, queries: new Map(visible) });
      visible.set(name, queries.get(name) ?? []);
      return { ...cte, this: body };
    });
    return { ...clause, ctes };
  }

  #select(select: Select, queries: NamedQueries, outer: Scope): Select {
    const scope: Scope = {
      relations: selectRelations(select, queries, this.#columnsOf),
      outputs: [],
      queries,
      outer,
    };
    const around: Scope = { ...outer, queries };
    const from = select.from && {
      ...select.from,
      expressions: select.from.expressions.map((item) => this.#relation(item, around)),
    };
    const joins = select.joins.map((join) => ({
      ...join,
      this: this.#relation(join.this, around),
      on: join.on && this.#expression(join.on, scope),
    }));
    const outputs = select.expressions.flatMap((each) =>
      'alias' in each ? each.alias.alias.name.toLowerCase() : [],
    );
    const body = this.#clausesOf({ ...select, ...NO_LATE_CLAUSES, ...NO_RELATIONS }, scope);
    // These clauses also see the names of SELECT: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_aliases
    const late = this.#clausesOf(
      {
        ...select,
        expressions: [],
        where_clause: null,
        limit: null,
        offset: null,
        windows: null,
        ...NO_RELATIONS,
      },
      { ...scope, outputs },
    );
    const names = {
      group_by: late.group_by,
      having: late.having,
      qualify: late.qualify,
      order_by: late.order_by,
    };
    return asStruct({ ...body, ...names, from, joins, with: this.#with(select.with, queries, outer) });
  }

  #clausesOf(select: Select, scope: Scope): Select {
    const translated = this.#expression({ select }, scope);
    if (!('select' in translated)) throw new TypeError('a select became something else');
    return translated.select;
  }

  /** `around` is the scope of a subquery in FROM, which does not see its neighbours. */
  #relation(item: Expression, around: Scope): Expression {
    const unnested = unnestOf(item);
    if (unnested) return this.#unnest(unnested, around);
    if ('table' in item) return this.#table(item.table, around.queries);
    if ('subquery' in item) {
      return { subquery: { ...item.subquery, this: this.#query(item.subquery.this, around) } };
    }
    if ('paren' in item) return this.#relation(item.paren.this, around);
    throw unsupported(`${Object.keys(item)[0]} in FROM`);
  }

  /** Offsets begin with 0: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#unnest_and_with_offset */
  #unnest({ array, alias, offset }: Unnested, around: Scope): Expression {
    const elements = print(this.#expression(array, around));
    const positions =
      offset === undefined ? '' : `, generate_subscripts(${elements}, 1) - 1 as ${quoted(offset)}`;
    return raw(`(select unnest(${elements}) as ${quoted(alias)}${positions}) as ${quoted(alias)}`);
  }

  #table(table: TableRef, queries: NamedQueries): Expression {
    if (table.system_time || table.table_sample || table.when || table.version) {
      throw unsupported('FOR SYSTEM_TIME and TABLESAMPLE');
    }
    const path = tablePath(table);
    if (queries.has(path.toLowerCase())) return { table };
    const alias = table.alias?.name ?? path.split('.').at(-1) ?? path;
    return raw(`${this.#context.source(path).sql} as ${quoted(alias)}`);
  }

  #expression(node: Expression, scope: Scope): Expression {
    return ast.transform(node, {
      enter: (child) => {
        if (child !== node && isQuery(child)) return finished(child, this.#query(child, scope));
        if ('column' in child) return this.#column(child.column, scope);
        if ('parameter' in child) return this.#placeholders.systemVariable(child.parameter.name ?? '');
        if ('placeholder' in child) throw unsupported('positional parameters');
        return undefined;
      },
      leave: (child) => rewriteExpression(child, this.#context.now),
    });
  }

  #column(
    column: { name: { name: string }; table?: { name: string } | null },
    scope: Scope,
  ): Expression | undefined {
    const name = column.name.name.toLowerCase();
    if (name.startsWith('@')) return this.#placeholders.parameter(name.slice(1));
    if (column.table || isColumn(scope, name)) return undefined;
    return this.#placeholders.variable(name);
  }
}

const NO_RELATIONS = { from: null, joins: [], with: null };
const NO_LATE_CLAUSES = { group_by: null, having: null, qualify: null, order_by: null };

function isQuery(node: Expression): boolean {
  return 'select' in node || 'union' in node || 'intersect' in node || 'except' in node;
}

/** Replaces a node by its translation, which the walk must not enter. */
function finished(node: Expression, result: Expression): null {
  for (const key of Object.keys(node)) delete (node as Record<string, unknown>)[key];
  Object.assign(node, result);
  return null;
}

/** SELECT AS STRUCT has one column: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#select_as_struct */
function asStruct(select: Select): Select {
  if (!select.kind) return select;
  if (select.kind !== 'STRUCT') throw unsupported(`SELECT AS ${select.kind}`);
  return {
    ...select,
    kind: null,
    expressions: [rewriteExpression(call('struct', ...select.expressions), '') ?? raw('null')],
  };
}
