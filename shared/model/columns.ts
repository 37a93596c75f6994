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

// https://cloud.google.com/bigquery/docs/schemas#flexible-column-names, without the signs that it takes besides: each of them means
// something to a tool that reads the target. PostgreSQL's own names are never too long.
const COLUMN_NAME = /^[\p{L}\p{M}\p{N}_ -]+$/u;
const TAKEN_PREFIX = /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_)/i;

/** Why these cannot be the names of a target's columns, one sentence each; they differ for BigQuery in more than their case. */
export function columnNameFaults(names: readonly string[]): string[] {
  const known = new Map<string, string>();
  return names.flatMap((name) => {
    const shown = JSON.stringify(name);
    if (!COLUMN_NAME.test(name))
      return [
        `column ${shown} has a name that BigQuery does not take: in the view, name it with letters, digits and underscores`,
      ];
    if (TAKEN_PREFIX.test(name)) return [`column ${shown} begins with what BigQuery keeps for itself`];
    const other = known.get(name.toLowerCase());
    if (other !== undefined)
      return [
        `column ${shown} differs from column ${JSON.stringify(other)} only by case, which BigQuery ignores`,
      ];
    known.set(name.toLowerCase(), name);
    return [];
  });
}

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
