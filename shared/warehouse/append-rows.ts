import { setTimeout as elapse } from 'node:timers/promises';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import pRetry from 'p-retry';
import { type Deadline, DeadlineExceeded } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withoutValues } from '../google/without-values.ts';
import { thenRedrive } from '../model/resume-advice.ts';
import { appendRequests, type RowNaming } from './append-requests.ts';
import { columnNotKnown, isSchemaNotKnown, tableNotKnown } from './schema-not-known.ts';
import { isExtraFields } from './storage-errors.ts';
import type { WriteTarget } from './write-connection.ts';
import { WriteConnections } from './write-connections.ts';

/** The table that rows are appended to, and how errors name the rows. */
export type AppendTarget = WriteTarget &
  RowNaming & {
    /** Whether the table exists. Called when the Write API reports that it does not. */
    tableExists: () => Promise<boolean>;
    /** Whether the Write API may take the table for an earlier one of its name, whose columns had other types. The default is false. */
    isReplacement?: boolean;
  };

export type AppendLimits = {
  deadline: Deadline;
  /** A request without an answer after this time is sent again on another connection. The default is one minute. */
  answerTimeoutMs?: number;
};

/** Yields the encoded rows in groups. Must throw the signal's reason as soon as the signal aborts. */
export type RowsUntil = (stop: AbortSignal) => AsyncIterable<readonly Uint8Array[]>;

/** Of requests that wait for an answer, unless it is one: requests of long rows have up to 19 MB. */
const MAX_UNANSWERED_BYTES = 20_000_000;
/** How often a writer that waits for answers looks whether its connections are full. */
const FULL_CHECK_MS = 50;
const ANSWER_TIMEOUT_MS = 60_000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 10_000;
const NAMED_ROWS = 5;

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;

/**
 * Appends encoded rows to a table's default stream, and returns when BigQuery has acknowledged all of them. The rows of a batch may be
 * written in any order and more than once, since BigQuery orders them by their sequence numbers. Retries transient errors until the deadline.
 * Closes `client`, the only way to make it drop its connections. Throws `bad_data` naming rows that BigQuery refused, `configuration` when
 * the table is gone, and `transient` at the deadline, and `columnNotKnown` and `tableNotKnown` at once.
 */
export async function appendRows(
  client: managedwriter.WriterClient,
  target: AppendTarget,
  rowsUntil: RowsUntil,
  limits: AppendLimits,
): Promise<void> {
  const connections = new WriteConnections(client, target);
  try {
    await limits.deadline.enforce(`appending to ${target.table}`, (signal) =>
      appendAll(connections, target, rowsUntil, { ...limits, signal }),
    );
  } catch (error) {
    throw error instanceof DeadlineExceeded ? error.withContext(target.context) : error;
  } finally {
    connections.discard(new Error('appending has ended'));
    client.close();
    await client.getClient().close();
  }
}

async function appendAll(
  connections: WriteConnections,
  target: AppendTarget,
  rowsUntil: RowsUntil,
  limits: AppendLimits & { signal: AbortSignal },
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([limits.signal, failed.signal]);
  stop.addEventListener('abort', () => connections.discard(stop.reason));
  /** The requests that wait for an answer, and their bytes. */
  const inFlight = new Map<Promise<void>, number>();
  try {
    for await (const request of appendRequests(rowsUntil(stop), target)) {
      const bytes = request.reduce((sum, row) => sum + row.length, 0);
      await waitForRoom(inFlight, bytes, connections);
      stop.throwIfAborted();
      const sent = pRetry(() => appendOnce(connections, request, target, limits), {
        retries: Number.POSITIVE_INFINITY,
        maxRetryTime: limits.deadline.remainingMs(),
        minTimeout: FIRST_RETRY_MS,
        maxTimeout: LAST_RETRY_MS,
        randomize: true,
        signal: stop,
        shouldRetry: ({ error }) => isWorthRetrying(error),
      })
        .catch((error: unknown) => failed.abort(error))
        .finally(() => inFlight.delete(sent));
      inFlight.set(sent, bytes);
    }
    await Promise.all(inFlight.keys());
    stop.throwIfAborted();
  } catch (error) {
    // Throw the reason for stopping, not the error that stopping caused in the reader of the rows.
    stop.throwIfAborted();
    throw error;
  } finally {
    failed.abort(new Error('appending has ended'));
    await Promise.all(inFlight.keys());
  }
}

/** Waits until another request of so many bytes may be sent. Meanwhile opens further connections, if those that are open are full. */
async function waitForRoom(
  inFlight: ReadonlyMap<Promise<void>, number>,
  bytes: number,
  connections: WriteConnections,
): Promise<void> {
  const isTooLarge = (): boolean =>
    inFlight.size > 0 &&
    [...inFlight.values()].reduce((sum, each) => sum + each, bytes) > MAX_UNANSWERED_BYTES;
  while (inFlight.size >= connections.maxUnanswered || isTooLarge()) {
    await Promise.race([...inFlight.keys(), elapse(FULL_CHECK_MS, undefined, { ref: false })]);
    if (!isTooLarge()) connections.addIfFull();
  }
}

async function appendOnce(
  connections: WriteConnections,
  serializedRows: Uint8Array[],
  target: AppendTarget,
  { deadline, answerTimeoutMs = ANSWER_TIMEOUT_MS }: AppendLimits,
): Promise<void> {
  const { context, nameRow, table, tableExists, isReplacement = false } = target;
  try {
    const timeoutMs = Math.max(1, Math.min(answerTimeoutMs, deadline.remainingMs()));
    // The client returns refusals instead of throwing them.
    const { error, rowErrors } = await connections.append(serializedRows, timeoutMs);
    if (rowErrors && rowErrors.length > 0) {
      const refusals = rowErrors.slice(0, NAMED_ROWS).map(({ index, message }) => {
        const row = serializedRows[Number(index)];
        return `${row === undefined ? `row ${index}` : nameRow(row)}: ${withoutValues(message ?? 'no message')}`;
      });
      const refused = new DataHubError('bad_data', `view ${context.view}: ${refusals.join('; ')}`, {
        context,
        advice: `Correct these rows, or change the column in the view. ${thenRedrive(String(context.view))}`,
      });
      throw isReplacement ? tableNotKnown(refused) : refused;
    }
    if (error)
      throw Object.assign(new Error(error.message ?? 'no message'), {
        code: error.code,
        details: error.details,
      });
  } catch (error) {
    const what = `appending to ${table}`;
    // A new table takes time to reach all of BigQuery, even after the metadata shows it.
    if (codeOf(error) === NOT_FOUND && (await tableExists())) {
      throw new DataHubError('transient', `${what}: the table has not reached all of BigQuery yet`, {
        context,
        cause: error,
      });
    }
    const classified = fromGoogle(error, what, context);
    if (isExtraFields(error)) throw columnNotKnown(classified);
    // The types of descriptor and table do not fit. There is no code for that alone.
    throw isReplacement && codeOf(error) === INVALID_ARGUMENT ? tableNotKnown(classified) : classified;
  }
}

/** A column or a table takes minutes to reach the Write API: the function does not wait so long. */
const isWorthRetrying = (error: unknown): boolean =>
  error instanceof DataHubError && error.kind === 'transient' && !isSchemaNotKnown(error);
