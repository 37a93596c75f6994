import { managedwriter } from '@google-cloud/bigquery-storage';
import { DataHubError } from '../errors.ts';

/** The table and the message type that a connection writes. */
export type WriteTarget = {
  /** `projects/p/datasets/d/tables/t` */
  table: string;
  /** The proto2 message of the rows, as a DescriptorProto. */
  descriptor: object;
  /** Names the writer in Google's logs. */
  traceId: string;
};

export type AppendAnswer = Awaited<ReturnType<ReturnType<managedwriter.Writer['appendRows']>['getResult']>>;

/**
 * Manages the current connection to a table's default stream, and opens one when there is none. A failed connection is never used again:
 * the client matches answers to requests by their order alone, so it could take an answer on a reopened connection for the answer to a
 * lost request.
 */
export class WriteConnections {
  readonly #client: managedwriter.WriterClient;
  readonly #target: WriteTarget;
  #current: Promise<Connection> | undefined;

  constructor(client: managedwriter.WriterClient, target: WriteTarget) {
    this.#client = client;
    this.#target = target;
  }

  /** Sends one request and returns its answer. When the connection fails, every request on it throws the failure. */
  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<AppendAnswer> {
    this.#current ??= openConnection(this.#client, this.#target);
    const used = this.#current;
    try {
      return await (await used).append(serializedRows, timeoutMs);
    } catch (error) {
      if (this.#current === used) this.discard(error);
      throw error;
    }
  }

  /** Closes the connection; every request that waits on it fails with `reason`. */
  discard(reason: unknown): void {
    const discarded = this.#current;
    this.#current = undefined;
    // The request that opens a connection reports why it could not be opened.
    discarded?.then(
      (connection) => connection.discard(reason),
      () => undefined,
    );
  }
}

async function openConnection(
  client: managedwriter.WriterClient,
  { table, descriptor, traceId }: WriteTarget,
): Promise<Connection> {
  const stream = await client.createStreamConnection({
    streamId: managedwriter.DefaultStream,
    destinationTable: table,
  });
  // Without a listener, an error would end the process. Every request reports the error itself.
  stream.onConnectionError(() => undefined);
  const writer = new managedwriter.Writer({ connection: stream, protoDescriptor: descriptor, traceId });
  return new Connection(writer);
}

/** One connection. `discard` fails all its requests, which the client would leave waiting forever. */
class Connection {
  readonly #writer: managedwriter.Writer;
  readonly #waiting = new Set<(reason: unknown) => void>();

  constructor(writer: managedwriter.Writer) {
    this.#writer = writer;
  }

  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<AppendAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>();
    const timer = setTimeout(() => reject(appendTimedOut(timeoutMs)), timeoutMs);
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

function appendTimedOut(timeoutMs: number): DataHubError {
  return new DataHubError('transient', `an append got no answer within ${timeoutMs} ms`);
}
