import { managedwriter } from '@google-cloud/bigquery-storage';
import pRetry from 'p-retry';
import { DataHubError, type ErrorContext } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';

/** What rows are appended to, and by whom. */
export type AppendTarget = {
  /** `projects/p/datasets/d/tables/t` */
  table: string;
  /** The proto2 message that the rows are, as a DescriptorProto. */
  descriptor: object;
  /** Names the writer in Google's logs. */
  traceId: string;
  context: ErrorContext;
  /** Whether the table exists, asked when the Write API says that it does not. */
  tableExists: () => Promise<boolean>;
  /** Names an encoded row in an error: "key 12". */
  nameRow: (row: Uint8Array) => string;
};

export type AppendLimits = {
  signal: AbortSignal;
  /** By `Date.now()`. */
  deadlineMs: number;
  /** What is not answered for so long is sent again on another connection; a minute by default. */
  answerTimeoutMs?: number;
};

/** Gives the encoded rows, some at a time; it is to fail with the signal's reason as soon as that aborts. */
export type RowsUntil = (stop: AbortSignal) => AsyncIterable<readonly Uint8Array[]>;

type GoogleError = Parameters<typeof managedwriter.parseStorageErrors>[0];
type PendingWrite = ReturnType<managedwriter.Writer['appendRows']>;
type Answer = Awaited<ReturnType<PendingWrite['getResult']>>;

/** Requests of 1 to 10 MB are good, says Google; small ones keep the window small. */
const REQUEST_BYTES = 2_000_000;
/** A row costs memory beside its bytes: of small rows, requests by bytes alone would hold far too many. */
const REQUEST_ROWS = 10_000;
/** What a request may hold: 20 MB with its descriptor. */
const MAX_ROW_BYTES = 19_000_000;
/** Requests that are sent and not answered yet; the client itself would send without end. */
const WINDOW_REQUESTS = 4;
const ANSWER_TIMEOUT_MS = 60_000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 10_000;
const NAMED_ROWS = 5;

const NOT_FOUND = 5;
/** google.cloud.bigquery.storage.v1.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS */
const EXTRA_FIELDS = 7;

/**
 * Appends encoded rows to a table's default stream, and returns when every one of them is acknowledged. Rows of a batch may be
 * written in any order and more than once: their sequence numbers decide. What may pass is tried again until the deadline.
 * Closes `client`: only that makes it forget its connections. Throws `bad_data` naming rows that BigQuery refused,
 * `configuration` when the table is gone, `transient` at the deadline.
 */
export async function appendRows(
  client: managedwriter.WriterClient,
  target: AppendTarget,
  rowsUntil: RowsUntil,
  limits: AppendLimits,
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([limits.signal, failed.signal]);
  // Also rows that do not come are waited for until then only.
  const deadline = setTimeout(
    () => failed.abort(tooLate(target)),
    Math.max(0, limits.deadlineMs - Date.now()),
  );
  const connections = new Connections(client, target);
  stop.addEventListener('abort', () => connections.discard(stop.reason));
  const inFlight = new Set<Promise<void>>();
  try {
    for await (const request of requestsOf(rowsUntil(stop), target)) {
      const sent = pRetry(() => appendOnce(connections, request, target, limits), {
        retries: Number.POSITIVE_INFINITY,
        maxRetryTime: Math.max(0, limits.deadlineMs - Date.now()),
        minTimeout: FIRST_RETRY_MS,
        maxTimeout: LAST_RETRY_MS,
        randomize: true,
        signal: stop,
        shouldRetry: ({ error }) => error instanceof DataHubError && error.kind === 'transient',
      })
        .catch((error: unknown) => failed.abort(error))
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      while (inFlight.size >= WINDOW_REQUESTS) await Promise.race(inFlight);
      stop.throwIfAborted();
    }
    await Promise.all(inFlight);
    stop.throwIfAborted();
  } catch (error) {
    // Whatever stopped us is told, not what it made of the rows that were being read.
    stop.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(deadline);
    failed.abort(new Error('appending has ended'));
    await Promise.all(inFlight);
    client.close();
    await client.getClient().close();
  }
}

/** Puts rows together until a request is large enough; a row that no request can hold is refused. */
async function* requestsOf(
  rows: AsyncIterable<readonly Uint8Array[]>,
  { context, nameRow }: AppendTarget,
): AsyncGenerator<Uint8Array[]> {
  let request: Uint8Array[] = [];
  let bytes = 0;
  for await (const some of rows) {
    for (const row of some) {
      if (row.length > MAX_ROW_BYTES) {
        throw new DataHubError(
          'bad_data',
          `view ${context.view}: ${nameRow(row)}: the row is larger than streaming takes`,
          { context },
        );
      }
      if (bytes + row.length > MAX_ROW_BYTES) {
        yield request;
        request = [];
        bytes = 0;
      }
      request.push(row);
      bytes += row.length;
      if (bytes < REQUEST_BYTES && request.length < REQUEST_ROWS) continue;
      yield request;
      request = [];
      bytes = 0;
    }
  }
  if (request.length > 0) yield request;
}

async function appendOnce(
  connections: Connections,
  serializedRows: Uint8Array[],
  target: AppendTarget,
  { deadlineMs, answerTimeoutMs = ANSWER_TIMEOUT_MS }: AppendLimits,
): Promise<void> {
  const { context, nameRow, table, tableExists } = target;
  try {
    const timeoutMs = Math.max(1, Math.min(answerTimeoutMs, deadlineMs - Date.now()));
    // The client resolves with refusals: nobody but us looks at them.
    const { error, rowErrors } = await connections.append(serializedRows, timeoutMs);
    if (rowErrors && rowErrors.length > 0) {
      const named = rowErrors.slice(0, NAMED_ROWS).map(({ index, message }) => {
        const row = serializedRows[Number(index)];
        return `${row === undefined ? `row ${index}` : nameRow(row)}: ${message}`;
      });
      throw new DataHubError('bad_data', `view ${context.view}: ${named.join('; ')}`, { context });
    }
    if (error) throw Object.assign(new Error(error.message ?? 'no message'), { code: error.code });
  } catch (error) {
    // A table that was just made, or a column, which its metadata showed to be there, is not known everywhere at once.
    const isTooNew =
      codeOf(error) === NOT_FOUND
        ? await tableExists()
        : managedwriter.parseStorageErrors(error as GoogleError).some(({ code }) => code === EXTRA_FIELDS);
    if (isTooNew) {
      throw new DataHubError('transient', `appending to ${table}: it is not known yet as it is`, {
        context,
        cause: error,
      });
    }
    throw fromGoogle(error, `appending to ${table}`, context);
  }
}

/**
 * The connection that rows are appended by, opened when there is none. One that failed is never used again: the client matches
 * answers with requests by their order alone, so that an answer on a reopened connection could be taken for that of a request
 * which was lost.
 */
class Connections {
  readonly #client: managedwriter.WriterClient;
  readonly #target: AppendTarget;
  #current: Promise<Connection> | undefined;

  constructor(client: managedwriter.WriterClient, target: AppendTarget) {
    this.#client = client;
    this.#target = target;
  }

  /** The answer to one request. Throws what the connection failed with, for every request on it. */
  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<Answer> {
    this.#current ??= openConnection(this.#client, this.#target);
    const used = this.#current;
    try {
      return await (await used).append(serializedRows, timeoutMs);
    } catch (error) {
      if (this.#current === used) this.discard(error);
      throw error;
    }
  }

  /** Closes the connection; whatever waits on it fails with `reason`. */
  discard(reason: unknown): void {
    const discarded = this.#current;
    this.#current = undefined;
    // One that could not be opened is known to whoever asked for it.
    discarded?.then(
      (connection) => connection.discard(reason),
      () => undefined,
    );
  }
}

async function openConnection(
  client: managedwriter.WriterClient,
  { table, descriptor, traceId }: AppendTarget,
): Promise<Connection> {
  const stream = await client.createStreamConnection({
    streamId: managedwriter.DefaultStream,
    destinationTable: table,
  });
  // Without a listener an error would end the process; every request sees it by itself.
  stream.onConnectionError(() => undefined);
  const writer = new managedwriter.Writer({ connection: stream, protoDescriptor: descriptor, traceId });
  return new Connection(writer);
}

/** One connection, whose requests all fail when it is discarded: the client would let them wait for ever. */
class Connection {
  readonly #writer: managedwriter.Writer;
  readonly #waiting = new Set<(reason: unknown) => void>();

  constructor(writer: managedwriter.Writer) {
    this.#writer = writer;
  }

  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => reject(noAnswer(timeoutMs)), timeoutMs);
    this.#waiting.add(reject);
    this.#writer.appendRows({ serializedRows }).getResult().then(resolve, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(reject);
    }
  }

  discard(reason: unknown): void {
    for (const reject of this.#waiting) reject(reason);
    this.#writer.close();
  }
}

function tooLate({ table, context }: AppendTarget): DataHubError {
  return new DataHubError('transient', `appending to ${table} has not ended before the time limit`, {
    context,
  });
}

function noAnswer(timeoutMs: number): DataHubError {
  return new DataHubError('transient', `no answer to an append within ${timeoutMs} ms`);
}
