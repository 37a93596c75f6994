import pg from 'pg';
import { compare, describeFindings } from '../../local/compare/compare.ts';
import { pairOfEntry } from '../../support/installation.ts';
import type { ViewName, World } from './world.ts';

/**
 * How the target of a view differs from what its view source promises, as readable lines: the rows of the view, with the configured defaults
 * instead of NULL, and nothing but NULL in columns that the view does not have any more.
 */
export async function differences({ on, views, entries }: World, view: ViewName): Promise<string[]> {
  const entry = entries[view];
  const expected = `expected_${view}`;
  const columns = Object.keys(views[view].columns).map((name) => {
    const fallback = entry.null_defaults[name];
    return fallback === undefined
      ? name
      : `coalesce(${name}, ${pg.escapeLiteral(String(fallback))}) as ${name}`;
  });
  await on.source.database.query(
    `drop view if exists ${expected}; create view ${expected} as select ${columns.join(', ')} from ${view}`,
  );
  const pair = { ...pairOfEntry(entry), view: expected };
  const compared = await compare(pair, on.parts);
  await on.source.database.query(`drop view ${expected}`);
  const isEmpty = async (column: string) => {
    const shown = pair.keepsDeletedRows ? 'where is_deleted is not true' : '';
    const [row] = await on.query(`select count(${column}) as n from ${pair.target} ${shown}`);
    return String(row?.n) === '0';
  };
  const examples = [];
  for (const difference of compared.examples) {
    const isDropped = difference.what === 'column not in the source' && (await isEmpty(difference.column));
    if (!isDropped) examples.push(difference);
  }
  return examples.length === 0 ? [] : describeFindings({ ...compared, examples });
}
