import type { BigQueryType } from '../../shared/model/columns.ts';

/** A column of the target, and what the rows of the view hold in it. */
export type DateFacts = {
  column: string;
  type: 'DATE' | 'DATETIME' | 'TIMESTAMP';
  /** The share of rows without a value. */
  nullShare: number;
  /** The first and the last value; null if there is none. */
  span: { from: Date; to: Date } | null;
};

export type LayoutFacts = {
  /** Null if they could not be counted in time. */
  rows: number | null;
  dates: readonly DateFacts[];
  /** The columns that point at lookups, with their types in the target. */
  references: readonly { column: string; type: BigQueryType; isRepeated: boolean }[];
};

export type Layout = {
  partition: { column: string; granularity: Granularity } | null;
  clusterColumns: string[];
  reasons: { partition_column: string; cluster_columns: string };
};

type Granularity = 'day' | 'month' | 'year';

/** Below it, a table is read whole as fast as a part of it, and more partitions than rows cost a merge more than they save. */
const MIN_ROWS = 100_000;
/** BigQuery reads and writes small partitions less efficiently: https://cloud.google.com/bigquery/docs/partitioned-tables */
const MIN_ROWS_PER_PARTITION = 100_000;
/** https://cloud.google.com/bigquery/quotas#partitioned_tables: the partitions that one job may write. */
const MAX_PARTITIONS = 4000;
const MAX_CLUSTER_COLUMNS = 3;
const DAYS: readonly [Granularity, number][] = [
  ['day', 1],
  ['month', 30.44],
  ['year', 365.25],
];

/** A row moves to another partition when such a column changes, and a merge then reads both. */
const CHANGES = /(updat|modif|chang|edit|clos|finish|complet|cancel|deliver|paid|ended?|last|seen|synced)/i;
const STAYS =
  /(creat|insert|plac|order|open|start|begin|record|issued|register|joined|add|date_created|entry)/i;

/** https://cloud.google.com/bigquery/docs/clustered-tables#cluster_column_types, without the types that reports rarely filter by. */
const CLUSTERED: readonly BigQueryType[] = ['INT64', 'STRING', 'DATE', 'NUMERIC'];

/** Proposes partitions and clustering by the rows that there are. The key comes first in every clustering, without being named. */
export function proposeLayout({ rows, dates, references }: LayoutFacts): Layout {
  if (rows === null) {
    const unknown = 'None: the rows could not be counted in time.';
    return {
      partition: null,
      clusterColumns: [],
      reasons: { partition_column: unknown, cluster_columns: unknown },
    };
  }
  if (rows < MIN_ROWS) {
    const few = `None: with ${rows.toLocaleString('en')} rows the key, which always clusters, is enough; from ${MIN_ROWS.toLocaleString('en')} rows on it is proposed.`;
    return { partition: null, clusterColumns: [], reasons: { partition_column: few, cluster_columns: few } };
  }
  const { partition, reason } = proposePartition(rows, dates);
  const clusterColumns = references
    .filter(({ type, isRepeated }) => !isRepeated && CLUSTERED.includes(type))
    .map(({ column }) => column)
    .slice(0, MAX_CLUSTER_COLUMNS);
  return {
    partition,
    clusterColumns,
    reasons: {
      partition_column: reason,
      cluster_columns:
        clusterColumns.length === 0
          ? 'None: the view shows no column that points at another table.'
          : `${clusterColumns.join(', ')}: reports join and filter by the columns that point at other tables; the key comes before them.`,
    },
  };
}

function proposePartition(
  rows: number,
  dates: readonly DateFacts[],
): { partition: Layout['partition']; reason: string } {
  const stable = dates.filter(({ column, span }) => span !== null && !CHANGES.test(column));
  const [best] = stable.toSorted((a, b) => rank(a) - rank(b));
  if (best?.span === null || best?.span === undefined) {
    const only = dates.map(({ column }) => column).join(', ');
    return {
      partition: null,
      reason:
        only === ''
          ? 'None: the view has no date.'
          : `None: ${only} may change or has no values, and a row whose partition changes costs a merge more.`,
    };
  }
  const days = (best.span.to.getTime() - best.span.from.getTime()) / 86_400_000;
  const present = rows * (1 - best.nullShare);
  const partitionsOf = (length: number): number => Math.floor(days / length) + 1;
  const fitting = DAYS.find(
    ([, length]) =>
      present / partitionsOf(length) >= MIN_ROWS_PER_PARTITION && partitionsOf(length) <= MAX_PARTITIONS,
  );
  const whole = partitionsOf(DAYS.at(-1)?.[1] ?? 365.25);
  if (fitting === undefined) {
    return {
      partition: null,
      reason: `None: by year, ${best.column} would make ${whole} partitions of ${Math.round(present / whole).toLocaleString('en')} rows; partitions of less than ${MIN_ROWS_PER_PARTITION.toLocaleString('en')} rows make queries slower.`,
    };
  }
  const [granularity, length] = fitting;
  const average = Math.round(present / partitionsOf(length));
  return {
    partition: { column: best.column, granularity },
    reason: `${best.column} by ${granularity}: a date that its name says does not change, and about ${average.toLocaleString('en')} rows in each of ${partitionsOf(length).toLocaleString('en')} partitions.`,
  };
}

/** The lower, the better. */
const rank = ({ column, nullShare }: DateFacts): number => (STAYS.test(column) ? 0 : 10) + nullShare * 10;
