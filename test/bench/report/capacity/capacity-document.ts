import { MAX_PART_BYTES, MOST_PARTS, MOST_SLICES } from '../../../../functions/extract/plan-copy.ts';
import { MAX_LOADED_BYTES, MAX_LOADED_OBJECTS } from '../../../../shared/model/load-limits.ts';
import type { Recorded } from '../../record.ts';
import { count, table } from '../tables.ts';
import {
  BATCH_SECONDS,
  holdsUpTo,
  type Limit,
  limitsAt,
  MERGE_BYTES,
  ROW_BYTES,
  SIZE,
  TICK_SECONDS,
} from './limits.ts';
import { type MeasuredCosts, measuredCosts } from './measured.ts';

const CALL_SECONDS = 540;
const PART_BYTES = 128 * 2 ** 20;
const QUOTAS = 'https://cloud.google.com/bigquery/quotas';

/**
 * docs/capacity.md: the model at one size, from recorded runs and from quotas. Null while not all that it needs is recorded.
 */
export function capacityDocument(records: readonly Recorded[]): string | null {
  const costs = measuredCosts(records);
  if (costs === null) return null;
  const limits = limitsAt(SIZE, costs);
  const parts = [
    introduction(),
    '## What was measured',
    measuredTable(costs),
    `## ${count(SIZE.rows)} rows`,
    firstLoad(costs),
    '## What one load job can take',
    loadJob(),
    `## ${count(SIZE.views)} views, ${count(SIZE.changesPerSecond)} changes a second`,
    ticks(limits),
    '## The load of the source',
    sourceLoad(costs),
    '## Lag',
    lag(costs),
    '## Cost',
    cost(),
  ];
  return `${parts.join('\n\n')}\n`;
}

const introduction = (): string => `# Capacity

What a large installation needs, where it breaks first, and what the functions do then. The figures are those of a model: what a row, a batch and a log row cost is taken from [recorded runs](performance.md), by
\`npm run bench -- report\`, which writes this document; quotas are Google's, of August 2026 for BigQuery and of 2025 for the other services. Nothing of this size was run here. Look up your quotas: many can be raised.

The size: ${count(SIZE.rows)} rows, ${count(SIZE.views)} views, ${count(SIZE.changesPerSecond)} changes a second, a tick every ${TICK_SECONDS} seconds. With so many changes, each view has some in each tick.`;

function measuredTable(costs: MeasuredCosts): string {
  const micro = (value: number) => `${(value * 1e6).toFixed(2)} µs of CPU`;
  return table(
    ['what', 'costs', 'from'],
    [
      [
        'a row of a whole view: the function',
        micro(costs.functionSecondsPerRow),
        'the difference of the two extractions',
      ],
      [
        'a row of a whole view: PostgreSQL',
        micro(costs.serverSecondsPerRow),
        'the same; with the first checkpoint, which reads the log',
      ],
      [
        'a batch in a new process, without its rows',
        `${costs.functionSecondsPerBatch.toFixed(2)} s of CPU`,
        'the smaller extraction, less its rows',
      ],
      [
        'a row as it is staged',
        `${costs.stagedBytesPerRow.toFixed(1)} bytes`,
        'the larger extraction: Avro with zstd',
      ],
      ['a row that is streamed: the function', micro(costs.streamSecondsPerRow), 'the stream'],
      [
        'a new log row of any view, for each view',
        micro(costs.serverSecondsPerLogRow),
        'a capture of a view without changes',
      ],
      [
        'memory of `extract` and `stream`',
        `${costs.extractPeakMb} and ${costs.streamPeakMb} MB`,
        'the peaks; an instance has 512 MiB',
      ],
    ],
  );
}

function firstLoad(costs: MeasuredCosts): string {
  const { rows } = SIZE;
  const hours = (secondsPerRow: number) => ((rows * secondsPerRow) / 3600).toFixed(1);
  const calls = Math.ceil((rows * costs.functionSecondsPerRow) / CALL_SECONDS);
  const objects = (bytes: number) => count(Math.ceil((rows * ROW_BYTES) / bytes));
  return [
    table(
      ['', 'for one view with all the rows'],
      [
        ['CPU of the source', `${hours(costs.serverSecondsPerRow)} hours of one core`],
        [
          'CPU of `extract`',
          `${hours(costs.functionSecondsPerRow)} hours; decoding is on one thread, so that an instance with one vCPU needs at least as long, however many slices it copies at once`,
        ],
        [`calls of ${CALL_SECONDS} s`, `${count(calls)}, at least`],
        [
          'slices, by the defaults',
          `${count(MOST_SLICES)} of ${count(rows / MOST_SLICES)} rows, by the statistics of the key: more than \`SLICE_ROWS\`, since each slice has an object at least`,
        ],
        [
          'staged',
          `${((rows * costs.stagedBytesPerRow) / 1e9).toFixed(0)} GB of rows like those of the sample`,
        ],
        [
          `objects of rows of ${ROW_BYTES} bytes`,
          `about ${count(MOST_SLICES + MOST_PARTS)}, since those of a large table are larger than \`MAX_PART_BYTES\` (${objects(PART_BYTES)} otherwise)`,
        ],
        ['connections to the source', '`MAX_SLICES` and one for the snapshot'],
      ],
    ),
    `A call of ${CALL_SECONDS} s is enough for about ${count(Math.floor(CALL_SECONDS / costs.functionSecondsPerRow / 1e6) * 1e6)} rows on one thread; then the next call goes on with the slices that are left, in a snapshot of its own ([Flow](architecture.md#flow)). What breaks first is the load job.`,
    `A snapshot holds back \`vacuum\` on the source as long as it is open: no longer than one call.`,
  ].join('\n\n');
}

const loadJob = (): string => {
  const rowsOf = (bytes: number) => `${count(Math.floor(bytes / ROW_BYTES / 1e6))} million`;
  return [
    `A batch is loaded by one job, so that it is whole or not at all. [BigQuery's limits](${QUOTAS}#load_jobs) of one job, and what they mean for rows of ${ROW_BYTES} bytes before compression:`,
    table(
      ['limit', 'here'],
      [
        [
          `${count(MAX_LOADED_OBJECTS)} URIs in the configuration; the functions name each object`,
          `objects of a large table are as large as it needs, up to ${MAX_PART_BYTES / 1e9} GB: ${rowsOf(MOST_PARTS * MAX_PART_BYTES)} rows at least`,
        ],
        [
          `${MAX_LOADED_BYTES / 1e12} TB in all files, as they are stored; none with a reservation`,
          `${rowsOf(MAX_LOADED_BYTES)} rows if nothing could be compressed`,
        ],
        ['10,000,000 files', 'the URIs come first'],
        [
          '6 hours',
          'BigQuery shares its free load slots among projects and promises no rate: a reservation with the assignment type `PIPELINE` does',
        ],
        ['4,000 partitions per job', 'by month, 333 years; by day, ten years; by hour, five months'],
        [
          '16 MB per block of Avro',
          'blocks have half a megabyte; a batch with a row of more than 15 MB is staged as lines',
        ],
        [
          '4 GB per compressed file of JSON lines',
          '`MAX_PART_BYTES` is counted before compression, and is at most 4 GB',
        ],
      ],
    ),
  ].join('\n\n');
};

function ticks(limits: readonly Limit[]): string {
  const amount = (value: number) => (value >= 100 ? count(Math.round(value)) : value.toFixed(1));
  const rows = limits.map((limit) => [
    `${limit.what}${limit.isForMerges ? ' (merged views)' : ''}`,
    limit.formula,
    `${amount(limit.needed)} ${limit.unit}`,
    amount(limit.limit),
    `${(limit.needed / limit.limit).toFixed(2)} ×`,
    holdsUpTo(limit, SIZE),
    limit.above,
  ]);
  const [first] = limits;
  return [
    'V views, C changes a second in all of them, T seconds between ticks. The limits that are exceeded most come first; the last columns say up to what each holds with the same C and T, and what happens above it.',
    table(['limit', 'needed', 'at this size', 'there is', 'share', 'holds up to', 'above it'], rows),
    ...(first === undefined ? [] : [`It breaks first at the ${first.what.replace(/;.*/, '')}.`]),
    'Two limits are no quotas. **Connections of the control database**: 5 functions · 2 · instances, so that 100 instances of each need 1,000; choose the tier of `control_instance` by it. **Connections of the source**: up to `source_connections` for each instance of `extract`, of which a batch of changes uses one, and one more while it marks a horizon.',
    'A size like this is therefore several installations: one for each group of tables that has a log of its own, with its own control database, and, for merged views, its own project. Streamed views need no load job, no ledger and no merge: what changes all the time belongs there.',
  ].join('\n\n');
}

function sourceLoad(costs: MeasuredCosts): string {
  const perView = SIZE.changesPerSecond * costs.serverSecondsPerLogRow;
  return [
    `Writing the log costs the source what [change-log.md](change-log.md#what-it-costs) measures: 10 to 20 µs per statement, so that ${count(SIZE.changesPerSecond)} statements a second keep 0.5 to 1 core busy, and about 60 bytes per row, ${((SIZE.changesPerSecond * 60 * 86_400) / 1e9).toFixed(0)} GB a day before it is pruned.`,
    `Reading it costs each view ${perView.toFixed(2)} cores at ${count(SIZE.changesPerSecond)} changes a second, whether the view changes or not. Fetching rows costs what the view costs for a key, which is yours, and about as much as a row of a whole view to send it.`,
  ].join('\n\n');
}

const lag = (costs: MeasuredCosts): string =>
  `Within the limits, a change is in the target after half a tick on average and a whole one at most, plus the time of a batch: ${TICK_SECONDS / 2} and ${TICK_SECONDS} s, plus ${BATCH_SECONDS} s (assumed, in the cloud). A view with more than \`MAX_BATCH_LOG_ROWS\` changes in a tick goes on at once with the next batch. One streamed view keeps up with ${count(Math.floor(1 / costs.streamSecondsPerRow / 1000) * 1000)} rows a second of one vCPU, as far as the
function is the limit. Above a limit the lag grows as long as the rate lasts; it shrinks afterwards at the rate that is left.`;

function cost(): string {
  const batchesPerMonth = (SIZE.views / TICK_SECONDS) * 86_400 * 30;
  const dollars = (value: number) => `$${count(Math.round(value / 100) * 100)}`;
  const merges = ((batchesPerMonth * MERGE_BYTES) / 2 ** 40) * 6.25;
  const functions = batchesPerMonth * BATCH_SECONDS * 0.000024;
  const streamed = ((SIZE.changesPerSecond * ROW_BYTES * 86_400 * 30) / 2 ** 40) * 25;
  return `By the prices of [costs.md](costs.md), in a month, if it could run: ${count(batchesPerMonth)} batches, whose merges bill at least ${dollars(merges)} on demand, and whose functions take ${dollars(functions)} of vCPU at ${BATCH_SECONDS} s each. If all were streamed: ${dollars(streamed)} for the bytes of the Storage Write API (rows of ${ROW_BYTES} bytes), and what
BigQuery reads to apply them, which depends on \`max_staleness\` and on the size of the targets. A tick every hour makes a twelfth of the batches.`;
}
