import type { Queryable } from '../postgres/transaction.ts';
import { CONFIGURED_NAME, RELATIONS_BEHIND, type Relation } from './catalog.ts';
import { isRangeTableEntry, isSet, nodesIn, numberIn, parseNodeTree, type TreeNode } from './node-tree.ts';

/** A table, view or materialized view on which a view depends, directly or through other views. */
export type Dependency = {
  oid: number;
  schema: string;
  /** Unquoted and without its schema. */
  table: string;
  /** As a view source names it. */
  name: string;
  /** pg_class.relkind: r, p or f for a table, v for a view, m for a materialized view. */
  kind: string;
  /** How often the definition names it, if each view that it is built on is put in its place. */
  occurrences: number;
};

/** A function in the definition, from pg_proc. */
export type CalledFunction = {
  name: string;
  /** Whether it comes with PostgreSQL. */
  isBuiltIn: boolean;
  /** pg_proc.provolatile: i, s or v. */
  volatility: string;
  /** Whether its body is a text, so that the catalog does not know which functions and tables it names. */
  isText: boolean;
  argumentCount: number;
};

/** What the catalog knows of the definition of a view and of all views that it is built on. */
export type ViewDefinition = {
  /** Everything that it depends on, without the view itself. */
  dependencies: Dependency[];
  functions: CalledFunction[];
  /** Parts that show something else than the columns of one row: `current_date`, `an aggregate`, `a window function` and the like. */
  parts: string[];
  /** Whether a part of it is a union, an intersection or a difference. */
  hasSetOperation: boolean;
};

/** The functions without parentheses, by their number in PostgreSQL's parse tree. */
const VALUE_FUNCTIONS =
  'current_date current_time current_time current_timestamp current_timestamp localtime localtime localtimestamp localtimestamp current_role current_user user session_user current_catalog current_schema'.split(
    ' ',
  );

/** Reads the definition of a view. A table has an empty one. */
export async function readDefinition(client: Queryable, view: Relation): Promise<ViewDefinition> {
  const { rows } = await client.query(
    `${RELATIONS_BEHIND}
     select c.oid, n.nspname::text as schema, c.relname::text as table, ${CONFIGURED_NAME} as name,
       c.relkind::text as kind, w.ev_action::text as action
     from relation r join pg_class c on c.oid = r.oid join pg_namespace n on n.oid = c.relnamespace
     left join pg_rewrite w on w.ev_class = c.oid and w.ev_type = '1'
     where c.relkind in ('r', 'p', 'f', 'v', 'm') order by schema, "table"`,
    [view.oid],
  );
  const found = rows as (Omit<Dependency, 'occurrences'> & { action: string | null })[];
  const nodes = found.flatMap(({ oid: owner, action }) =>
    action === null ? [] : [...nodesIn(parseNodeTree(action))].map((node) => ({ owner, node })),
  );
  const occurrences = countRelations(view.oid, nodes);
  return {
    dependencies: found
      .filter(({ oid }) => oid !== view.oid)
      .map(({ action: _, ...each }) => ({ ...each, occurrences: occurrences.get(each.oid) ?? 0 })),
    functions: await readFunctions(client, [...new Set(nodes.flatMap(({ node }) => functionIds(node)))]),
    parts: [...new Set(nodes.flatMap(({ node }) => partsOf(node)))],
    hasSetOperation: nodes.some(({ node }) => node.type === 'QUERY' && isSet(node, 'setOperations')),
  };
}

/** How often each relation stands in a FROM clause, of a view as often as the view does. */
function countRelations(view: number, nodes: { owner: number; node: TreeNode }[]): Map<number, number> {
  const named = nodes.flatMap(({ owner, node }) => {
    if (!isRangeTableEntry(node) || numberIn(node, 'rtekind') !== 0) return [];
    const oid = numberIn(node, 'relid');
    // Older servers list the view itself in its own rule.
    return oid === owner ? [] : [{ owner, oid }];
  });
  const count = (oid: number): number =>
    named.filter((each) => each.oid === oid).reduce((sum, { owner }) => sum + timesOf(owner), 0);
  const times = new Map([[view, 1]]);
  const timesOf = (oid: number): number => {
    const known = times.get(oid) ?? count(oid);
    times.set(oid, known);
    return known;
  };
  return new Map(named.map(({ oid }) => [oid, timesOf(oid)]));
}

const functionIds = (node: TreeNode): number[] =>
  ['funcid', 'opfuncid'].map((field) => numberIn(node, field)).filter((oid) => oid !== 0);

function partsOf(node: TreeNode): string[] {
  switch (node.type) {
    case 'AGGREF':
      return ['an aggregate'];
    case 'WINDOWFUNC':
      return ['a window function'];
    case 'SQLVALUEFUNCTION':
      return [VALUE_FUNCTIONS[numberIn(node, 'op')] ?? 'a function of the session'];
    case 'QUERY':
      return [
        ...(isSet(node, 'limitCount') || isSet(node, 'limitOffset') ? ['LIMIT or OFFSET'] : []),
        ...(isSet(node, 'hasDistinctOn') ? ['DISTINCT ON'] : []),
      ];
    default:
      return [];
  }
}

async function readFunctions(client: Queryable, oids: number[]): Promise<CalledFunction[]> {
  const { rows } = await client.query(
    `select p.proname::text as name, n.nspname = 'pg_catalog' as "isBuiltIn", p.provolatile::text as volatility,
       p.pronargs::int as "argumentCount", l.lanname not in ('c', 'internal') and p.prosqlbody is null as "isText"
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang where p.oid = any($1::oid[]) order by 1`,
    [oids],
  );
  return rows as CalledFunction[];
}
