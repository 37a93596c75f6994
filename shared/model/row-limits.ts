/**
 * The maximum of a row as PostgreSQL sends it, in the binary form of COPY. It is judged before the row is kept, so that a function with 512 MiB has room for
 * whatever becomes of it, in every format, also where four slices of a view have such a row at once (docs/decisions.md, 129).
 */
export const MAX_COPIED_ROW_BYTES = 24_000_000;

/** The maximum of a streamed row. A request has 20 MB, including the descriptor (https://cloud.google.com/bigquery/quotas#write-api-limits). */
export const MAX_STREAMED_ROW_BYTES = 19_000_000;
