import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { SourceView } from './describe-view.ts';
import { badKeysAmong } from './key-type.ts';

/** Of some keys, how many rows the view has, and those that are not values of the key's type (`badKeysAmong`). */
export type CountedKeys = { rows: number; bad: string[] };

/** Looks for keys in a view, in the transaction of `client`. Reads no row but those of the keys. */
export async function countKeys(client: Queryable, view: SourceView, keys: string[]): Promise<CountedKeys> {
  const { name, keyColumn, keyType } = view;
  const bad = await badKeysAmong(client, keyType, keys);
  if (bad.length > 0) return { rows: 0, bad };
  const { rows } = await client.query(
    `select count(*)::int4 as count from ${quoteIdentifier(name)} v
     where v.${quoteIdentifier(keyColumn)} in (select ${keyType.fromText('q')} from unnest($1::text[]) q)`,
    [keys],
  );
  return { rows: rows[0].count as number, bad };
}
