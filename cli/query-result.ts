/** What a query found. Values are texts as the database writes them, JSON for lists and structures; null is NULL. */
export type QueryResult = {
  columns: { name: string; type: string }[];
  rows: (string | null)[][];
  /** Whether there are more rows than were read. */
  hasMore: boolean;
  /** What BigQuery read; null for the source. */
  bytes: string | null;
};
