import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';

/** The content type ids of the source's Django application, by `app_label.model`. */
export async function findContentTypes(client: Queryable, table: string): Promise<Map<string, number>> {
  const { rows } = await client.query(
    `select app_label || '.' || model as name, id::int as id from ${quoteIdentifier(table)}`,
  );
  return new Map(rows.map((row) => [row.name as string, row.id as number]));
}
