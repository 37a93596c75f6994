const MEGABYTE = 1_048_576n;

/**
 * Bytes billed for a query: rounded up to megabytes, at least 10 MB for each table that it reads, nothing for DDL.
 * https://cloud.google.com/bigquery/pricing#on_demand_pricing
 */
export function billedBytes(processed: bigint, tables: number): bigint {
  const rounded = ((processed + MEGABYTE - 1n) / MEGABYTE) * MEGABYTE;
  const minimum = 10n * MEGABYTE * BigInt(tables);
  return rounded > minimum ? rounded : minimum;
}
