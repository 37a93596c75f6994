/** What BigQuery used for one job that has ended, failed or not. */
export type JobUsage = {
  jobId: string;
  view: string;
  /** Null for a job that ran before its batch had an id. */
  etlTransactionId: bigint | null;
  bytesBilled: bigint;
  slotMs: bigint;
  endedAt: Date;
};
