import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { requireReadable } from './log-table.ts';

/** Reads the content type ids of the source's Django application, by `app_label.model`. Throws as `requireReadable` does. */
export async function findContentTypes(client: Queryable, table: string): Promise<Map<string, number>> {
  await requireReadable(client, 'content type table', table);
  const { rows } = await client.query(
    `select app_label || '.' || model as name, id::int as id from ${quoteIdentifier(table)}`,
  );
  return new Map(rows.map((row) => [row.name as string, row.id as number]));
}
