import type { TableMetadata } from '@google-cloud/bigquery';
import { quoted } from './names.ts';

/** When BigQuery removes rows of a table by itself, and the statement that prevents it. */
export type TableExpiry = { fault: string; remedy: string };

/**
 * Null if rows stay. A dataset gives its default expirations to every table that is created in it:
 * https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration
 */
export function expiryOf(name: string, metadata: TableMetadata): TableExpiry | null {
  const { expirationTime, timePartitioning } = metadata as {
    expirationTime?: string;
    timePartitioning?: { expirationMs?: string };
  };
  const days = Number(timePartitioning?.expirationMs ?? 0) / 86_400_000;
  const faults = [
    ...(expirationTime === undefined
      ? []
      : [`BigQuery will delete it at ${new Date(Number(expirationTime)).toISOString()}`]),
    ...(days === 0 ? [] : [`BigQuery deletes its partitions after ${days} days`]),
  ];
  if (faults.length === 0) return null;
  const options = [
    ...(expirationTime === undefined ? [] : ['expiration_timestamp = null']),
    ...(days === 0 ? [] : ['partition_expiration_days = null']),
  ];
  return {
    fault: `table ${name}: ${faults.join(', and ')}`,
    remedy: `alter table ${quoted(name)} set options (${options.join(', ')})`,
  };
}
