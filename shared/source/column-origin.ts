import type { Queryable } from '../postgres/transaction.ts';
import { type Relation, readColumns } from './catalog.ts';
import { isNode, isSet, nodesIn, numberIn, parseNodeTree, type TreeNode } from './node-tree.ts';

/** The column of a table that a column of a view shows. */
export type ColumnOrigin = { relation: number; column: string };

/**
 * Finds the column of a table that a view's column shows unchanged or cast to another type, also through subqueries and through views that the
 * view is built on. Returns null if the catalog does not tell: the column is computed, or comes from a set operation.
 */
export async function readColumnOrigin(
  client: Queryable,
  view: Relation,
  column: string,
): Promise<ColumnOrigin | null> {
  if (!view.isView) return { relation: view.oid, column };
  const place = (await readColumns(client, view)).findIndex((each) => each.column === column) + 1;
  return await originOf(client, view.oid, place);
}

async function originOf(client: Queryable, view: number, place: number): Promise<ColumnOrigin | null> {
  const { rows } = await client.query(
    `select w.ev_action::text as action from pg_rewrite w where w.ev_class = $1 and w.rulename = '_RETURN'`,
    [view],
  );
  const [query] = nodesIn(parseNodeTree((rows[0]?.action as string | undefined) ?? '()'));
  const origin = query === undefined ? null : originIn(query, place);
  if (origin === null) return null;
  const found = await client.query(
    `select a.attname::text as column, c.relkind in ('v', 'm') as "isView" from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum = $2 where c.oid = $1`,
    [origin.relation, origin.place],
  );
  const base = found.rows[0] as { column: string; isView: boolean } | undefined;
  if (base === undefined) return null;
  if (base.isView) return await originOf(client, origin.relation, origin.place);
  return { relation: origin.relation, column: base.column };
}

type Place = { relation: number; place: number };

/** Finds where the result column of a query at a place comes from. PostgreSQL notes it for columns that are shown as they are. */
function originIn(query: TreeNode, place: number): Place | null {
  const entry = nodesOf(query, 'targetList').find((each) => numberIn(each, 'resno') === place);
  if (entry === undefined) return null;
  const noted = { relation: numberIn(entry, 'resorigtbl'), place: numberIn(entry, 'resorigcol') };
  if (noted.relation !== 0) return noted.place > 0 ? noted : null;
  const [shown] = nodesOf(entry, 'expr').map(withoutCasts);
  // The names of a set operation's result are those of its first query.
  if (shown?.type !== 'VAR' || numberIn(shown, 'varlevelsup') !== 0 || isSet(query, 'setOperations'))
    return null;
  const table = nodesOf(query, 'rtable')[numberIn(shown, 'varno') - 1];
  const column = numberIn(shown, 'varattno');
  if (table === undefined || column <= 0) return null;
  const relation = numberIn(table, 'relid');
  if (relation !== 0) return { relation, place: column };
  const [subquery] = nodesOf(table, 'subquery');
  return subquery === undefined ? null : originIn(subquery, column);
}

const nodesOf = ({ fields }: TreeNode, field: string): TreeNode[] =>
  (fields.get(field) ?? []).flat().filter(isNode);

const CASTS = new Set(['RELABELTYPE', 'COERCEVIAIO', 'COERCETODOMAIN', 'COLLATEEXPR']);

/** What an expression casts. A cast that shortens a value, as that to `varchar(3)`, has more arguments than the value. */
function withoutCasts(expression: TreeNode): TreeNode {
  // CoercionForm of PostgreSQL: 1 is a cast that is written, 2 one that is implied.
  const isCastFunction =
    expression.type === 'FUNCEXPR' && [1, 2].includes(numberIn(expression, 'funcformat'));
  const [inner, ...more] = isCastFunction
    ? nodesOf(expression, 'args')
    : CASTS.has(expression.type)
      ? nodesOf(expression, 'arg')
      : [];
  return inner === undefined || more.length > 0 ? expression : withoutCasts(inner);
}
