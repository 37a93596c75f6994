import { omittedColumnsOf, type ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, readColumns } from './catalog.ts';
import { grantAdvice, whyMissing } from './missing-relation.ts';
import { type SourceColumn, sourceColumn } from './source-column.ts';
import { misconfigured } from './view-faults.ts';

/** A column of a view. */
export type ViewColumn = {
  name: string;
  /** As PostgreSQL writes it, for example `numeric(10,2)`. */
  sourceType: string;
  /** What the target gets; null if it does not get the column. */
  target: SourceColumn | null;
};

/** The columns of a configured view, in order, whatever else is wrong with it. Throws `configuration` for a view that cannot be found. */
export async function readViewColumns(client: Queryable, source: ViewSource): Promise<ViewColumn[]> {
  const view = await findRelation(client, source.name);
  if (view === null) {
    const missing = await whyMissing(client, 'view', source.name);
    throw misconfigured(source, [missing.why], grantAdvice([missing]) ?? undefined);
  }
  const { rows } = await client.query(
    `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1 and attnum > 0 and not attisdropped`,
    [view.oid],
  );
  const types = new Map(rows.map(({ name, type }) => [name as string, type as string]));
  const omitted = omittedColumnsOf(source);
  return (await readColumns(client, view)).map((column) => ({
    name: column.column,
    sourceType: types.get(column.column) ?? column.name,
    target: omitted.has(column.column) ? null : sourceColumn(source, column),
  }));
}
