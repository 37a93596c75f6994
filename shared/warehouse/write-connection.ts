import { managedwriter } from '@google-cloud/bigquery-storage';
import { DataHubError } from '../errors.ts';

/** Where a connection writes. */
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
 * The current connection to a table's default stream; opens one when there is none. A connection that failed is never used again: the
 * client matches answers with requests by their order alone, so an answer on a reopened connection could be taken for the answer to a
 * request that was lost.
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
    // The request that opened a connection sees why it could not be opened.
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
  // Without a listener an error would end the process. Every request sees the error itself.
  stream.onConnectionError(() => undefined);
  const writer = new managedwriter.Writer({ connection: stream, protoDescriptor: descriptor, traceId });
  return new Connection(writer);
}

/** One connection. Discarding it fails all its requests, which the client would leave waiting for ever. */
class Connection {
  readonly #writer: managedwriter.Writer;
  readonly #waiting = new Set<(reason: unknown) => void>();

  constructor(writer: managedwriter.Writer) {
    this.#writer = writer;
  }

  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<AppendAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>();
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

function noAnswer(timeoutMs: number): DataHubError {
  return new DataHubError('transient', `no answer to an append within ${timeoutMs} ms`);
}
