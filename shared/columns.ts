/** The BigQuery types that a source column can become (design: types). */
export const BIG_QUERY_TYPES = [
  ...(['INT64', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC', 'BOOL', 'STRING'] as const),
  ...(['BYTES', 'DATE', 'DATETIME', 'TIMESTAMP', 'TIME', 'JSON'] as const),
] as const;
export type BigQueryType = (typeof BIG_QUERY_TYPES)[number];

/** A column of a target, in the order of the view. */
export type Column = {
  name: string;
  type: BigQueryType;
  /** The key is REQUIRED in temp and target; everything else stays NULLABLE, so that a delete can carry the key alone. */
  mode: 'REQUIRED' | 'NULLABLE' | 'REPEATED';
};

/** How a target is fed (design: words). */
export type LoadType = 'merge' | 'bq-storage-api';

/** What the warehouse must know of a view to build its objects and statements. */
export type TableShape = {
  view: string;
  target: string;
  loadType: LoadType;
  keyColumn: string;
  columns: Column[];
};
