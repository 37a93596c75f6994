/** The BigQuery types that a source column can become (design: types). */
export type BigQueryType =
  | 'INT64'
  | 'FLOAT64'
  | 'NUMERIC'
  | 'BIGNUMERIC'
  | 'BOOL'
  | 'STRING'
  | 'BYTES'
  | 'DATE'
  | 'DATETIME'
  | 'TIMESTAMP'
  | 'TIME'
  | 'JSON';

/** A column of a target, in the order of the view. */
export type Column = {
  name: string;
  type: BigQueryType;
  /** The key is REQUIRED in temp and target; everything else stays NULLABLE, so that a delete can carry the key alone. */
  mode: 'REQUIRED' | 'NULLABLE' | 'REPEATED';
};

/** What the warehouse must know of a view to build its objects and statements. */
export type TableShape = {
  view: string;
  target: string;
  keyColumn: string;
  columns: Column[];
};
