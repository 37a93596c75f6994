import type { managedwriter } from '@google-cloud/bigquery-storage';
import type { Deadline } from '../deadline.ts';
import type { TableShape } from '../model/columns.ts';
import { formatKey } from '../model/format-key.ts';
import type { RowsUntil } from './append-rows.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { findTable } from './found-table.ts';
import { resultPages, resultRows } from './job-results.ts';
import { objectNames } from './names.ts';
import { runJobToCompletion } from './run-job.ts';
import type { StreamMessage } from './stream-message.ts';
import { staleKeysSql, streamedRowsSql } from './tables-sql.ts';

/** Opens a new client of the Storage Write API, which the caller closes. */
export type OpenWriterClient = () => Promise<managedwriter.WriterClient>;

type StreamTargetParts = BigQueryAccess & {
  openWriterClient: OpenWriterClient;
  /** See `AppendLimits`. */
  answerTimeoutMs: number;
};

/** The encoded rows of one attempt, and how to append them to its target. */
export type EncodedAppend = {
  attempt: Attempt;
  keyColumn: string;
  message: StreamMessage;
  rowsUntil: RowsUntil;
  /** See `AppendTarget`. */
  isReplacement?: boolean;
  deadline: Deadline;
};

/** The part of the warehouse that writes streamed views. */
export function createStreamTarget(parts: StreamTargetParts) {
  const { openBigQuery, openWriterClient, datasets, nameOf, answerTimeoutMs } = parts;
  const streamName = ({ view, etlTransactionId, attempt }: Omit<Attempt, 'target' | 'token'>): string =>
    nameOf('stream', view, etlTransactionId, attempt);

  return {
    /** The name of an attempt in Google's logs, and the start of its job ids. */
    streamName,

    /** Appends encoded rows to the target, in any order, and returns when BigQuery has acknowledged all of them. See `appendRows`. */
    async appendRows({
      attempt,
      keyColumn,
      message,
      rowsUntil,
      isReplacement = false,
      deadline,
    }: EncodedAppend): Promise<void> {
      const { appendRows } = await import('./append-rows.ts');
      const { target } = objectNames(datasets, attempt);
      const [projectId, dataset, table] = target.split('.');
      await appendRows(
        await openWriterClient(),
        {
          table: `projects/${projectId}/datasets/${dataset}/tables/${table}`,
          descriptor: message.descriptor,
          traceId: streamName(attempt),
          context: contextOf(attempt),
          tableExists: async () => (await findTable(await openBigQuery(), target)) !== null,
          isReplacement,
          nameRow: (row) =>
            `key ${formatKey(message.type.toObject(message.type.decode(row), { longs: String })[keyColumn])}`,
        },
        rowsUntil,
        { answerTimeoutMs, deadline },
      );
    },

    /**
     * Counts the target's rows that a complete batch wrote, and those that neither it nor a later one wrote. Each `runName` counts anew.
     * Throws `transient` when the job outlives the deadline.
     */
    async countStreamed(
      attempt: Attempt,
      runName: string,
      deadline: Deadline,
    ): Promise<{ written: bigint; stale: bigint }> {
      const query = streamedRowsSql(datasets, attempt, attempt.etlTransactionId);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: `${streamName(attempt)}_count_${runName}_${jobAttempt}`,
        configuration: { query: { query, useLegacySql: false } },
        labels: labelsOf(attempt, 'count'),
        context: contextOf(attempt),
      }));
      const [row] = await resultRows(job, contextOf(attempt));
      const count = (name: string) => BigInt(String(row?.[name]));
      return { written: count('written'), stale: count('stale') };
    },

    /** Yields the keys of the target's rows that neither this batch nor a later one wrote, in pages of rows with the key column alone. */
    async *staleKeys(
      attempt: Attempt,
      shape: TableShape,
      deadline: Deadline,
    ): AsyncGenerator<Record<string, unknown>[]> {
      const query = staleKeysSql(datasets, shape, attempt.etlTransactionId);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: `${streamName(attempt)}_stale_${jobAttempt}`,
        configuration: { query: { query, useLegacySql: false } },
        labels: labelsOf(attempt, 'stale'),
        context: contextOf(attempt),
      }));
      yield* resultPages(job, contextOf(attempt));
    },
  };
}
