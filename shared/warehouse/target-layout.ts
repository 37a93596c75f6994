import type { TableShape } from '../model/columns.ts';
import { clusteringColumns } from '../model/source-changes.ts';
import type { Layout } from './tables-sql.ts';

/** How a table is partitioned and clustered, in words and by columns. */
export type FoundLayout = { partitioning: string; clustering: string[] };

/** The parts of the answer of tables.get that say how a table is laid out. */
export type LayoutMetadata = {
  timePartitioning?: { type?: string; field?: string };
  rangePartitioning?: { field?: string };
  clustering?: { fields?: string[] };
};

/** How a target differs from what the view source configures; null for no difference. */
export type LayoutDifference = { partitioning: string | null; clustering: string | null };

const NOT_PARTITIONED = 'not partitioned';
const partitionedBy = (column: string, granularity: string): string =>
  `partitioned by ${granularity.toLowerCase()} of ${column}`;

export function layoutOf({ timePartitioning, rangePartitioning, clustering }: LayoutMetadata): FoundLayout {
  const { field = '_PARTITIONTIME', type = 'DAY' } = timePartitioning ?? {};
  const partitioning =
    timePartitioning !== undefined
      ? partitionedBy(field, type)
      : rangePartitioning !== undefined
        ? partitionedBy(String(rangePartitioning.field), 'range')
        : NOT_PARTITIONED;
  return { partitioning, clustering: clustering?.fields ?? [] };
}

/**
 * Compares a target with its configuration. A streamed target of release 0.2.0, whose clustering does not begin with the key, stays as it
 * is: nothing prunes by the key there.
 */
export function layoutDifference(
  found: FoundLayout,
  { keyColumn, loadType }: Pick<TableShape, 'keyColumn' | 'loadType'>,
  { partition, clusterColumns }: Pick<Layout, 'partition' | 'clusterColumns'>,
): LayoutDifference {
  const partitioning =
    partition === null ? NOT_PARTITIONED : partitionedBy(partition.column, partition.granularity);
  const clustering = clusteringColumns(keyColumn, clusterColumns);
  const accepted = loadType === 'merge' ? [clustering] : [clustering, clusterColumns];
  const isClustered = accepted.some((columns) => columns.join() === found.clustering.join());
  return {
    partitioning:
      partitioning === found.partitioning ? null : `is ${found.partitioning} instead of ${partitioning}`,
    clustering: isClustered
      ? null
      : `is clustered by ${found.clustering.join(', ') || 'nothing'} instead of ${clustering.join(', ')}`,
  };
}
