import type { Session } from '../engine.ts';
import { quoted } from '../field.ts';
import { storageTable, type TableReference } from '../names.ts';

/**
 * DuckDB's table beside one that an upsert stream writes: for each key that was changed, also for a deleted one, the
 * sequence number of its latest change. (BigQuery forgets deleted keys after two days, this stand-in never.) No table of
 * BigQuery can have its name.
 */
export function keyVersions(reference: TableReference): string {
  return storageTable({ ...reference, tableId: `${reference.tableId}$versions` });
}

/** Without effect if they are there. */
export async function createKeyVersions(
  session: Session,
  reference: TableReference,
  key: readonly string[],
): Promise<void> {
  await session.run(`create table if not exists ${keyVersions(reference)} as
    select ${key.map(quoted).join(', ')}, null::varchar as "$sequence" from ${storageTable(reference)} limit 0`);
}

/** Every key is as one that was never changed. Without effect if the table had no upsert stream. */
export async function dropKeyVersions(session: Session, reference: TableReference): Promise<void> {
  await session.run(`drop table if exists ${keyVersions(reference)}`);
}
