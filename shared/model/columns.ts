/** The BigQuery types that a source column can become (docs/architecture.md#types). */
export const BIG_QUERY_TYPES = [
  ...(['INT64', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC', 'BOOL', 'STRING'] as const),
  ...(['BYTES', 'DATE', 'DATETIME', 'TIMESTAMP', 'TIME', 'JSON'] as const),
] as const;
export type BigQueryType = (typeof BIG_QUERY_TYPES)[number];

/** A column of a target, in the order of the view. */
export type Column = {
  name: string;
  type: BigQueryType;
  /** The key is REQUIRED in the temp table and the target. Other columns are not, so that a delete can carry the key alone. */
  mode: 'REQUIRED' | 'NULLABLE' | 'REPEATED';
};

// https://cloud.google.com/bigquery/docs/schemas#flexible-column-names, without most of the punctuation that BigQuery accepts: tools
// that read the target give these characters a meaning of their own. The length is not checked: PostgreSQL's names are shorter.
const COLUMN_NAME = /^[\p{L}\p{M}\p{N}_ -]+$/u;
const RESERVED_PREFIX = /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_)/i;

/** Why BigQuery does not accept these names as the columns of one table: one sentence for each fault, none if it accepts them. */
export function columnNameFaults(names: readonly string[]): string[] {
  const known = new Map<string, string>();
  return names.flatMap((name) => {
    const shown = JSON.stringify(name);
    if (!COLUMN_NAME.test(name))
      return [
        `column ${shown} has a name that BigQuery does not accept: rename it in the view, with letters, digits and underscores`,
      ];
    if (RESERVED_PREFIX.test(name))
      return [`column ${shown} begins with a prefix that BigQuery reserves: rename it in the view`];
    const other = known.get(name.toLowerCase());
    if (other !== undefined)
      return [
        `column ${shown} differs from column ${JSON.stringify(other)} only by case, which BigQuery ignores: rename one in the view`,
      ];
    known.set(name.toLowerCase(), name);
    return [];
  });
}

const FIELD_NAME = /^[A-Za-z_]\w*$/;

/**
 * Why a streamed view cannot have columns of these names: a sentence for each. They are fields of a protobuf message, and libraries confuse
 * them with the properties that every object has, such as `valueOf`.
 */
export function fieldNameFaults(names: readonly string[]): string[] {
  return names
    .filter((name) => !FIELD_NAME.test(name) || name in Object.prototype)
    .map(
      (name) =>
        `column ${JSON.stringify(name)} has a name that a field of protobuf cannot have, so that the view cannot be streamed: rename it in the view, with letters, digits and underscores`,
    );
}

/** How batches reach the target: by MERGE, or by the Storage Write API (docs/architecture.md#merge-or-stream). */
export type LoadType = 'merge' | 'bq-storage-api';

/** What the warehouse must know about a view to build its tables, procedure and statements. */
export type TableShape = {
  view: string;
  target: string;
  loadType: LoadType;
  keyColumn: string;
  columns: Column[];
};
