import type { Queryable } from '../postgres/transaction.ts';
import { type Relation, readColumns } from './catalog.ts';

/** The column of a table that a column of a view shows unchanged. */
export type ColumnOrigin = { relation: number; column: string };

/**
 * Finds the column of a table that a view's column shows unchanged, also through subqueries and through views that the view is built on.
 * Returns null if the catalog does not tell: the column is computed, or comes from a set operation.
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
  const origin = originIn((rows[0]?.action as string | undefined) ?? '', place);
  if (origin === null) return null;
  const found = await client.query(
    `select a.attname::text as column, c.relkind = 'v' as "isView" from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum = $2 where c.oid = $1`,
    [origin.relation, origin.place],
  );
  const base = found.rows[0] as { column: string; isView: boolean } | undefined;
  if (base === undefined) return null;
  if (base.isView) return await originOf(client, origin.relation, origin.place);
  return { relation: origin.relation, column: base.column };
}

/** The end of a target entry in PostgreSQL's text of a query tree. */
const TARGET =
  /:resno (\d+) :resname (?:\\.|[^\s{}()\\])+ :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (-?\d+) :resjunk \w+$/;

/**
 * Finds where the result column at a place comes from, in the text of the query tree of a view (pg_rewrite.ev_action). Only the entries
 * of the outermost query count; a backslash escapes the next character.
 */
export function originIn(tree: string, place: number): { relation: number; place: number } | null {
  const opened: number[] = [];
  for (let at = 0; at < tree.length; at += 1) {
    if (tree[at] === '\\') at += 1;
    else if (tree[at] === '{') opened.push(at);
    else if (tree[at] === '}') {
      const start = opened.pop() ?? 0;
      if (opened.length !== 1 || !tree.startsWith('{TARGETENTRY ', start)) continue;
      const [, resno, relation, column] = TARGET.exec(tree.slice(start, at)) ?? [];
      if (Number(resno) !== place) continue;
      return Number(relation) > 0 && Number(column) > 0
        ? { relation: Number(relation), place: Number(column) }
        : null;
    }
  }
  return null;
}
