import type { TableMetadata } from '@google-cloud/bigquery';
import { quoted } from './names.ts';

/** When BigQuery removes a table by itself, and the statement that prevents it. `unfitSettings` looks at partitions that expire. */
export type TableExpiry = { fault: string; remedy: string };

/**
 * Null if it stays. A dataset gives its default expirations to every table that is created in it:
 * https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration
 */
export function expiryOf(name: string, metadata: TableMetadata): TableExpiry | null {
  const { expirationTime } = metadata as { expirationTime?: string };
  if (expirationTime === undefined) return null;
  return {
    fault: `table ${name}: BigQuery will delete it at ${new Date(Number(expirationTime)).toISOString()}`,
    remedy: `alter table ${quoted(name)} set options (expiration_timestamp = null)`,
  };
}
