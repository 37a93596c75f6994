import type { BigQuery } from '@google-cloud/bigquery';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { TableShape } from '../model/columns.ts';
import { formatKey } from '../model/format-key.ts';
import type { RowsUntil } from './append-rows.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import { resultPages, runJobToCompletion } from './job.ts';
import { loadError, loadSpec } from './load-job.ts';
import { type Datasets, objectNames } from './names.ts';
import type { StreamMessage } from './stream-message.ts';
import { staleKeysSql, targetColumns } from './tables-sql.ts';

/** The process's client. */
export type OpenBigQuery = () => Promise<BigQuery>;

/** A new client of the Storage Write API; whoever opens it closes it. */
export type OpenWriterClient = () => Promise<managedwriter.WriterClient>;

type StreamTargetParts = {
  openBigQuery: OpenBigQuery;
  openWriterClient: OpenWriterClient;
  datasets: Datasets;
  nameOf: (step: string, ...parts: (string | number | bigint)[]) => string;
  tableExists: (name: string) => Promise<boolean>;
  /** See `AppendLimits`. */
  answerTimeoutMs: number;
};

/** Encoded rows of one attempt, to be appended to its target. */
export type EncodedAppend = {
  attempt: Attempt;
  keyColumn: string;
  message: StreamMessage;
  rowsUntil: RowsUntil;
  deadline: Deadline;
};

/** The operations on the targets of streamed views. */
export function createStreamTarget(parts: StreamTargetParts) {
  const { openBigQuery, openWriterClient, datasets, nameOf, tableExists, answerTimeoutMs } = parts;
  const streamName = ({ view, etlTransactionId, attempt }: Omit<Attempt, 'target' | 'token'>): string =>
    nameOf('stream', view, etlTransactionId, attempt);

  return {
    /** The name under which an attempt writes: of its load job, and in Google's logs. */
    streamName,

    /** Whether rows can be streamed into a target of that name at all. */
    async hasStreamMessage(target: string): Promise<boolean> {
      const { loadStreamMessage } = await import('./stream-message.ts');
      return (await loadStreamMessage(target)) !== null;
    },

    /** The message that the view's rows are sent as. Throws `configuration` when it has none, `schema_drift` when it does not fit. */
    async streamMessage(shape: TableShape): Promise<StreamMessage> {
      const { loadStreamMessage, messageDifferences } = await import('./stream-message.ts');
      const context = { view: shape.view };
      const advice = 'Run npm run generate, commit proto/ and deploy again, then resume the view.';
      const message = await loadStreamMessage(shape.target);
      if (message === null) {
        throw new DataHubError(
          'configuration',
          `view ${shape.view}: proto/ has no message for ${shape.target}`,
          {
            context,
            advice,
          },
        );
      }
      const differences = messageDifferences(targetColumns(shape), message);
      if (differences.length === 0) return message;
      throw new DataHubError(
        'schema_drift',
        `view ${shape.view}: proto/${shape.target}.proto: ${differences.join('; ')}`,
        {
          context,
          advice,
        },
      );
    },

    /**
     * Loads the staged objects of a complete batch into the empty target, all or none. False when the target has rows, which
     * no load can replace. Safe to repeat: the job that loaded them is found by its name.
     */
    async loadEmptyTarget(attempt: Attempt, uris: string[], deadline: Deadline): Promise<boolean> {
      const { target } = objectNames(datasets, attempt);
      try {
        await runJobToCompletion(await openBigQuery(), deadline, (tries) => ({
          ...loadSpec(`${streamName(attempt)}_${tries}`, attempt, uris, target, 'WRITE_EMPTY'),
          kinds: { duplicate: 'configuration' },
        }));
        return true;
      } catch (error) {
        if (error instanceof DataHubError && error.context.code === 'duplicate') return false;
        throw loadError(error);
      }
    },

    /** Appends encoded rows to the target, in any order; returns when BigQuery has acknowledged all of them. See `appendRows`. */
    async appendRows({ attempt, keyColumn, message, rowsUntil, deadline }: EncodedAppend): Promise<void> {
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
          tableExists: () => tableExists(target),
          nameRow: (row) =>
            `key ${formatKey(message.type.toObject(message.type.decode(row), { longs: String })[keyColumn])}`,
        },
        rowsUntil,
        { answerTimeoutMs, deadline },
      );
    },

    /** The keys in the target that no batch since this one wrote, in pages of rows with the key column alone. */
    async *staleKeys(
      attempt: Attempt,
      shape: TableShape,
      deadline: Deadline,
    ): AsyncGenerator<Record<string, unknown>[]> {
      const query = staleKeysSql(datasets, shape, attempt.etlTransactionId);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (tries) => ({
        id: `${streamName(attempt)}_stale_${tries}`,
        configuration: { query: { query, useLegacySql: false } },
        labels: labelsOf(attempt, 'stale'),
        context: contextOf(attempt),
      }));
      yield* resultPages(job, contextOf(attempt));
    },
  };
}
