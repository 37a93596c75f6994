// What one load job of BigQuery takes: https://cloud.google.com/bigquery/quotas#load_jobs

/** The URIs that its configuration may have. */
export const MAX_LOADED_OBJECTS = 10_000;

/** The bytes of its objects, all together. */
export const MAX_LOADED_BYTES = 15e12;
