import type { BigQuery } from '@google-cloud/bigquery';
import type { Datasets } from './names.ts';

/** Opens the process's BigQuery client, or returns the open one. */
export type OpenBigQuery = () => Promise<BigQuery>;

/** What every part of the warehouse works with. */
export type BigQueryAccess = {
  openBigQuery: OpenBigQuery;
  datasets: Datasets;
  /** The id of a job of this installation: what the job does, and what tells it from others that do the same. */
  nameOf: (step: string, ...parts: (string | number | bigint)[]) => string;
};
