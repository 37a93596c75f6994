import type { Session } from '../engine.ts';
import { quoted } from '../field.ts';
import { storageTable, type TableReference } from '../names.ts';

/**
 * DuckDB's table beside a table that an upsert stream writes: the sequence number of the latest change of every changed key, also of
 * deleted ones. BigQuery keeps deletes for two days, the emulator for ever:
 * https://cloud.google.com/bigquery/docs/change-data-capture#deleted_data_considerations
 * No table of BigQuery can have this name.
 */
export function keyVersions(reference: TableReference): string {
  return storageTable({ ...reference, tableId: `${reference.tableId}$versions` });
}

/** Safe to repeat. */
export async function createKeyVersions(
  session: Session,
  reference: TableReference,
  key: readonly string[],
): Promise<void> {
  await session.run(`create table if not exists ${keyVersions(reference)} as
    select ${key.map(quoted).join(', ')}, null::varchar as "$sequence" from ${storageTable(reference)} limit 0`);
}

/** Forgets the changes of all keys. Safe to repeat, also for a table without upsert stream. */
export async function dropKeyVersions(session: Session, reference: TableReference): Promise<void> {
  await session.run(`drop table if exists ${keyVersions(reference)}`);
}
