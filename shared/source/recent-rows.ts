import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { type ComparedRows, rowsWritten } from './compare-rows.ts';
import { rowTextSql } from './row-text-sql.ts';

/** The column by which an application notes when it changed a row. */
const UPDATED_AT = 'updated_at';

/** Rows that were changed since some time. */
export type RecentRows = {
  keys: string[];
  /** The texts (shared/model/row-text.ts) of the values that the rows have in a column. */
  texts: Set<string>;
};

/**
 * Finds the rows that were changed since then, at most `limit`, and the values that they have in `column`, if one is given. Throws `invalid_event` for a view that
 * does not have the time.
 */
export async function readRecentRows(
  client: pg.ClientBase,
  { view, options }: Pick<ComparedRows, 'view' | 'options'>,
  since: Date,
  column: string | null,
  limit: number,
): Promise<RecentRows> {
  const { name, relation, keyColumn } = view;
  const { rowCount } = await client.query(
    'select from pg_attribute where attrelid = $1::regclass and attname = $2 and attnum > 0 and not attisdropped',
    [relation, UPDATED_AT],
  );
  if (rowCount === 0) {
    throw new DataHubError(
      'invalid_event',
      `view ${name} has no column ${UPDATED_AT}, by which "since" finds its rows`,
      {
        context: { view: name },
        advice: 'Check the view as a whole, or with "mode": "keys".',
      },
    );
  }
  const chosen = view.columns.filter((each) => each.name === column);
  const [text = 'null'] = rowTextSql(view, chosen, options).texts;
  const written = rowsWritten(
    { view },
    [`v.${UPDATED_AT} >= $1`],
    (from) => `select v.${quoteIdentifier(keyColumn)}::text as key, ${text} as text from ${from}`,
  );
  const { rows } = await client.query(`select key, text from (${written}) rows limit $2`, [since, limit]);
  return {
    keys: [...new Set(rows.map((row) => row.key as string))],
    texts: new Set(rows.flatMap((row) => (row.text === null ? [] : [row.text as string]))),
  };
}
