import { managedwriter } from '@google-cloud/bigquery-storage';
import { NoAnswer } from '../google/no-answer.ts';

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

/** The first answer may take so much longer than others: the connection has to be opened, and the table to be found. */
const OPENING_MS = 1_000;

/**
 * One connection to a table's default stream, which opens with the first request. It must not be used again after a failure:
 * the client matches answers to requests by their order alone, so it could take an answer on a reopened connection for the answer to a
 * lost request.
 */
export class WriteConnection {
  readonly #writer: Promise<managedwriter.Writer>;
  /** How to fail each request without an answer, and since when its answer is measured, the oldest first. */
  readonly #unanswered = new Map<(reason: unknown) => void, number>();
  #hasAnswered = false;
  #lastAnswerMs = 0;

  constructor(client: managedwriter.WriterClient, target: WriteTarget) {
    this.#writer = openWriter(client, target);
    // The request that opens a connection reports why it could not be opened.
    this.#writer.catch(() => undefined);
  }

  /** How many requests wait for an answer. */
  get unanswered(): number {
    return this.#unanswered.size;
  }

  /**
   * How long the last answer took, or for how long the oldest request has waited for its answer by now, if that is longer. The time that a
   * connection may take to open is not counted.
   */
  get answerMs(): number {
    const [oldestMs] = this.#unanswered.values();
    return Math.max(this.#lastAnswerMs, oldestMs === undefined ? 0 : this.#msSince(oldestMs));
  }

  /** Whether any request has got an answer. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Sends one request and returns its answer. Throws `NoAnswer` when none arrives in time. */
  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<AppendAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>();
    const timer = setTimeout(() => reject(new NoAnswer(`${timeoutMs} ms`)), timeoutMs);
    this.#unanswered.set(reject, performance.now());
    this.#writer.then((writer) => writer.appendRows({ serializedRows }).getResult()).then(resolve, reject);
    try {
      const answer = await promise;
      this.#measure(this.#unanswered.get(reject) as number);
      return answer;
    } finally {
      clearTimeout(timer);
      this.#unanswered.delete(reject);
    }
  }

  #measure(sentMs: number): void {
    this.#lastAnswerMs = this.#msSince(sentMs);
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    // They have waited for the connection to open as well.
    for (const request of this.#unanswered.keys()) this.#unanswered.set(request, performance.now());
  }

  #msSince(sentMs: number): number {
    return performance.now() - sentMs - (this.#hasAnswered ? 0 : OPENING_MS);
  }

  /** Closes the connection. Every request that waits on it fails with `reason`; the client would leave it waiting forever. */
  discard(reason: unknown): void {
    for (const reject of this.#unanswered.keys()) reject(reason);
    this.#writer.then(
      (writer) => writer.close(),
      () => undefined,
    );
  }
}

async function openWriter(
  client: managedwriter.WriterClient,
  { table, descriptor, traceId }: WriteTarget,
): Promise<managedwriter.Writer> {
  const connection = await client.createStreamConnection({
    streamId: managedwriter.DefaultStream,
    destinationTable: table,
  });
  // Without a listener, an error would end the process. Every request reports the error itself.
  connection.onConnectionError(() => undefined);
  return new managedwriter.Writer({ connection, protoDescriptor: descriptor, traceId });
}
