import type { MeasuredCosts } from './measured.ts';

/** The size that is asked for, and what the model assumes. */
export const SIZE = { rows: 10_000_000_000, views: 10_000, changesPerSecond: 50_000 };
export const TICK_SECONDS = 300;
/** Of both functions together, for a batch that a load job and a merge bring in: the assumption of docs/costs.md. */
export const BATCH_SECONDS = 11;
export const MERGE_BYTES = 150e6;
export const ROW_BYTES = 500;
/** Of the source, spared for reading the log. */
export const SPARE_CORES = 4;
/** The most that Terraform allows. */
export const MAX_INSTANCES = 100;
/** The most of one batch (shared/warehouse/write-connections.ts). */
const WRITE_CONNECTIONS = 4;

const DAY_SECONDS = 86_400;
const TIB = 2 ** 40;
const QUOTAS = 'https://cloud.google.com/bigquery/quotas';

/** One limit: what is needed at a size, what there is, and what happens above it. */
export type Limit = {
  what: string;
  needed: number;
  limit: number;
  unit: string;
  /** How much is needed, as a formula. V views, C changes a second, T seconds between ticks. */
  formula: string;
  /** Up to what it holds, where that is no number of views. */
  holds?: string;
  above: string;
  /** Only batches that are merged need it. */
  isForMerges: boolean;
};

/** All limits at the size, with every view changed in every tick, those first that are exceeded most. */
export function limitsAt(size: typeof SIZE, costs: MeasuredCosts): Limit[] {
  const batchesPerSecond = size.views / TICK_SECONDS;
  const batchesPerDay = batchesPerSecond * DAY_SECONDS;
  const limits: Limit[] = [
    {
      what: `CPU of the source to read the log; ${SPARE_CORES} cores are spared for it`,
      needed: size.views * size.changesPerSecond * costs.serverSecondsPerLogRow,
      limit: SPARE_CORES,
      unit: 'cores',
      formula:
        'V · C · CPU per log row: each capture reads the new log rows of *all* views, since only ids that it has seen are no holes',
      above:
        'A capture reads at most ten times `MAX_BATCH_LOG_ROWS` log rows, is cut there, and the next one goes on at once: nothing is lost, views fall behind, and `view behind` is logged. A longer tick does not help, since the same rows are read. Fewer views per log do: a log of its own for a group of tables (`CHANGE_LOG_TABLE`, [change-log.md](change-log.md)), with an installation of its own',
      isForMerges: false,
    },
    {
      what: `[load jobs per project and day](${QUOTAS}#load_jobs)`,
      needed: batchesPerDay,
      limit: 100_000,
      unit: 'a day',
      formula: 'V · 86,400 / T',
      above:
        '`quotaExceeded` is retried with back-off; views fall behind, and the advice names the quota. Tick less often, stream the views that change all the time (no load job), or use several projects',
      isForMerges: true,
    },
    {
      what: `[DML statements on the ledger](${QUOTAS}#data_manipulation_language), the one table to which the merges of all views write: 25 in 10 seconds`,
      needed: batchesPerSecond,
      limit: 2.5,
      unit: 'a second',
      formula: 'V / T',
      above: 'BigQuery delays the statements, or the functions try again. Tick less often, or stream',
      isForMerges: true,
    },
    {
      what: `instances of one function; Terraform allows ${MAX_INSTANCES}, 4 by default`,
      needed: batchesPerSecond * BATCH_SECONDS,
      limit: MAX_INSTANCES,
      unit: 'instances',
      formula: `${BATCH_SECONDS} s · V / T, if one function needed all the time of a batch`,
      above:
        'Pub/Sub keeps messages and delivers them later; a tick that finds a view in flight changes nothing. Views fall behind',
      isForMerges: false,
    },
    {
      what: `[bytes of queries per project and day](${QUOTAS}#query_jobs), on demand`,
      needed: (batchesPerDay * MERGE_BYTES) / TIB,
      limit: 200,
      unit: 'TiB a day',
      formula: 'V · 86,400 / T · 150 MB, the least that a merge bills',
      above:
        '`quotaExceeded` is retried; `daily_budget_bytes` of a view stops it before. With a reservation the limit does not apply',
      isForMerges: true,
    },
    {
      what: `[multi-statement queries at a time](${QUOTAS}#query_jobs)`,
      needed: batchesPerSecond * BATCH_SECONDS,
      limit: 1000,
      unit: 'at a time',
      formula: `${BATCH_SECONDS} s · V / T`,
      above: 'BigQuery refuses the job, and the message is delivered again',
      isForMerges: true,
    },
    {
      what: `[calls of one method per second and service account](${QUOTAS})`,
      needed: batchesPerSecond,
      limit: 100,
      unit: 'a second',
      formula: 'V / T: one load job, one merge, of an account each',
      above: '`rateLimitExceeded` is retried with back-off',
      isForMerges: true,
    },
    {
      what: `[load jobs per table and day](${QUOTAS}#load_jobs)`,
      needed: DAY_SECONDS / TICK_SECONDS,
      limit: 1500,
      unit: 'a day',
      formula: '86,400 / T',
      above:
        '`quotaExceeded` is retried, and the view falls behind until the quota is there again. A merged view is not to be ticked more than once a minute',
      holds: 'a tick every 58 s',
      isForMerges: true,
    },
    {
      what: '[objects written to a bucket](https://cloud.google.com/storage/docs/request-rate), at first',
      needed: 3 * batchesPerSecond,
      limit: 1000,
      unit: 'a second',
      formula: '3 · V / T: upserts, deletes, manifest',
      above: 'Cloud Storage grows with the load within minutes; until then calls are retried',
      isForMerges: false,
    },
    {
      what: `[bytes of the Storage Write API](${QUOTAS}#write-api-limits), in a region`,
      needed: (size.changesPerSecond * ROW_BYTES) / 1e6,
      limit: 300,
      unit: 'MB a second',
      formula: `C · ${ROW_BYTES} bytes, if all views were streamed`,
      holds: `${(300e6 / ROW_BYTES).toLocaleString('en-US')} changes a second`,
      above: '`RESOURCE_EXHAUSTED` is retried with back-off; a stream goes on where it was',
      isForMerges: false,
    },
    {
      what: `[write connections](${QUOTAS}#write-api-limits), in a region`,
      needed: WRITE_CONNECTIONS * MAX_INSTANCES,
      limit: 5000,
      unit: 'at a time',
      formula: `at most ${WRITE_CONNECTIONS} for each instance of \`stream\``,
      holds: '1,250 instances',
      above: 'it cannot happen with the instances that Terraform allows',
      isForMerges: false,
    },
    {
      what: '[bytes published to Pub/Sub](https://cloud.google.com/pubsub/quotas), in a small region',
      needed: (3 * batchesPerSecond * 1000) / 1e6,
      limit: 50,
      unit: 'MB a second',
      formula: '3 · V / T · 1 kB: tick, batch, continuation',
      above: 'events carry names, never rows, so it does not depend on C',
      isForMerges: false,
    },
  ];
  return limits.sort((a, b) => b.needed / b.limit - a.needed / a.limit);
}

/** Up to how many views it holds, with the same changes in each second and the same ticks; or what else holds. */
export const holdsUpTo = ({ needed, limit, holds }: Limit, { views }: typeof SIZE): string =>
  holds ?? `${Math.floor((views * limit) / needed).toLocaleString('en-US')} views`;
