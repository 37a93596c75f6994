import type { BigQueryType, Column, TableShape } from '../model/columns.ts';
import { type Layout, targetColumns } from './tables-sql.ts';

/** https://cloud.google.com/bigquery/docs/partitioned-tables#date_timestamp_partitioned_tables */
const GRANULARITIES: Partial<Record<BigQueryType, readonly string[]>> = {
  DATE: ['day', 'month', 'year'],
  DATETIME: ['hour', 'day', 'month', 'year'],
  TIMESTAMP: ['hour', 'day', 'month', 'year'],
};
/** https://cloud.google.com/bigquery/docs/clustered-tables#cluster_column_types */
const CLUSTERED: ReadonlySet<BigQueryType> = new Set([
  ...(['BIGNUMERIC', 'BOOL', 'DATE', 'DATETIME', 'INT64', 'NUMERIC', 'STRING', 'TIMESTAMP'] as const),
]);
const MAX_CLUSTER_COLUMNS = 4;
const WITH_A_DATE: ReadonlySet<BigQueryType> = new Set(['DATE', 'DATETIME', 'TIMESTAMP']);

const listed = (types: Iterable<string>): string => [...types].join(', ');
const typeOf = ({ type, mode }: Column): string => (mode === 'REPEATED' ? `ARRAY<${type}>` : type);
const isOneOf = ({ type, mode }: Column, types: ReadonlySet<BigQueryType>): boolean =>
  mode !== 'REPEATED' && types.has(type);

/** What BigQuery, or the reporting view, cannot do with the configured partition, clustering and report column: a sentence for each. */
export function layoutFaults(shape: TableShape, layout: Layout): string[] {
  const columns = new Map(targetColumns(shape).map((column) => [column.name, column]));
  return [
    ...partitionFaults(columns, layout),
    ...clusterFaults(columns, layout.clusterColumns),
    ...reportFaults(columns, layout.reportColumn),
  ];
}

function partitionFaults(columns: Map<string, Column>, { partition }: Layout): string[] {
  const column = partition === null ? undefined : columns.get(partition.column);
  if (partition === null || column === undefined) return [];
  const possible = column.mode === 'REPEATED' ? undefined : GRANULARITIES[column.type];
  if (possible === undefined) {
    return [
      `partition column ${column.name} is ${typeOf(column)}, but BigQuery partitions only by ${listed(Object.keys(GRANULARITIES))}`,
    ];
  }
  if (possible.includes(partition.granularity)) return [];
  return [
    `partition column ${column.name} is ${column.type}, which BigQuery does not partition by ${partition.granularity}, only by ${listed(possible)}`,
  ];
}

function clusterFaults(columns: Map<string, Column>, names: string[]): string[] {
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  return [
    ...names.flatMap((name) => {
      const column = columns.get(name);
      if (column === undefined || isOneOf(column, CLUSTERED)) return [];
      return [
        `cluster column ${name} is ${typeOf(column)}, but BigQuery clusters only by ${listed(CLUSTERED)}`,
      ];
    }),
    ...new Set(repeated.map((name) => `cluster column ${name} is named twice`)),
    ...(names.length > MAX_CLUSTER_COLUMNS
      ? [
          `${names.length} cluster columns are configured, but BigQuery clusters by at most ${MAX_CLUSTER_COLUMNS}`,
        ]
      : []),
  ];
}

function reportFaults(columns: Map<string, Column>, name: string): string[] {
  const column = columns.get(name);
  if (column === undefined || isOneOf(column, WITH_A_DATE)) return [];
  return [
    `report column ${name} is ${typeOf(column)}, which has no date: name a column of type ${listed(WITH_A_DATE)}`,
  ];
}
