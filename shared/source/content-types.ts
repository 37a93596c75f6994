import { DataHubError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { requireReadable, variableAdvice } from './log-table.ts';

/** Reads the content type ids of the source's Django application, by `app_label.model`. Throws as `requireReadable` does, and `configuration` for another table. */
export async function findContentTypes(client: Queryable, table: string): Promise<Map<string, number>> {
  await requireReadable(client, 'content type table', table);
  const missing = await missingColumns(client, table);
  if (missing.length > 0) {
    throw new DataHubError(
      'configuration',
      `content type table ${table} has no column ${missing.join(', ')}`,
      {
        advice: variableAdvice('content type table'),
      },
    );
  }
  const { rows } = await client.query(
    `select app_label || '.' || model as name, id::int as id from ${quoteIdentifier(table)}`,
  );
  return new Map(rows.map((row) => [row.name as string, row.id as number]));
}

/** The columns of a table of content types. */
export const CONTENT_TYPE_COLUMNS = ['id', 'app_label', 'model'];

async function missingColumns(client: Queryable, table: string): Promise<string[]> {
  const { rows } = await client.query(
    `select name from unnest($2::text[]) as name
     where not exists (
       select from pg_attribute where attrelid = to_regclass(quote_ident($1)) and attname = name and not attisdropped)`,
    [table, CONTENT_TYPE_COLUMNS],
  );
  return rows.map((row) => row.name as string);
}
