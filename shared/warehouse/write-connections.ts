import type { managedwriter } from '@google-cloud/bigquery-storage';
import { type AppendAnswer, WriteConnection, type WriteTarget } from './write-connection.ts';

/**
 * The most connections of one batch. "A single connection supports at least 1MBps of throughput", which "can exceed 10MBps"
 * (https://cloud.google.com/bigquery/docs/write-api-best-practices#connection_pool_management); a function with one CPU sends 30 to 40 MB a
 * second. 5,000 connections may be open in a region (https://cloud.google.com/bigquery/quotas#write-api-limits).
 */
const MAX_CONNECTIONS = 4;
/** Requests without an answer on one connection: BigQuery writes one while the next is on its way. The client itself has no limit. */
const CONNECTION_REQUESTS = 2;
/**
 * A connection is full when its requests are used up and answers take longer than this: two requests of 2 MB in a tenth of a second are 40 MB a second, as many as a function sends.
 * Google advises against opening a connection "for just a single write".
 */
const IN_TIME_MS = 100;

/**
 * The connections that one batch uses to write a table. There is one, and a further one when those that are open are full. Requests of
 * different connections are written in any order.
 */
export class WriteConnections {
  readonly #client: managedwriter.WriterClient;
  readonly #target: WriteTarget;
  readonly #open = new Set<WriteConnection>();
  #maxConnections = MAX_CONNECTIONS;

  constructor(client: managedwriter.WriterClient, target: WriteTarget) {
    this.#client = client;
    this.#target = target;
  }

  /** How many requests may wait for an answer at once, on all connections together: at least 2 and at most 8. */
  get maxUnanswered(): number {
    return Math.max(1, this.#open.size) * CONNECTION_REQUESTS;
  }

  /**
   * Sends one request on the connection that has the fewest, and returns its answer. When the connection fails, every request on it throws
   * the failure, and the next ones take other connections.
   */
  async append(serializedRows: Uint8Array[], timeoutMs: number): Promise<AppendAnswer> {
    const connection = this.#choose();
    try {
      return await connection.append(serializedRows, timeoutMs);
    } catch (error) {
      this.#drop(connection, error);
      throw error;
    }
  }

  /** Opens a further connection if all that are open are full. */
  addIfFull(): void {
    const isFull = ({ unanswered, answerMs }: WriteConnection): boolean =>
      unanswered >= CONNECTION_REQUESTS && answerMs > IN_TIME_MS;
    const { size } = this.#open;
    if (size > 0 && size < this.#maxConnections && [...this.#open].every(isFull)) this.#add();
  }

  /** Closes all connections; every request that waits on them fails with `reason`. */
  discard(reason: unknown): void {
    for (const connection of this.#open) connection.discard(reason);
    this.#open.clear();
  }

  #add(): WriteConnection {
    const connection = new WriteConnection(this.#client, this.#target);
    this.#open.add(connection);
    return connection;
  }

  #drop(connection: WriteConnection, reason: unknown): void {
    if (!this.#open.delete(connection)) return;
    connection.discard(reason);
    // BigQuery fails the first request of a connection that is one too many for the project: go on with the others.
    if (!connection.hasAnswered && this.#open.size > 0) this.#maxConnections = this.#open.size;
  }

  /** The open connection with the fewest requests; a new connection in place of those that failed, if the others have no room. */
  #choose(): WriteConnection {
    const [least] = [...this.#open].sort((a, b) => a.unanswered - b.unanswered || a.answerMs - b.answerMs);
    if (least === undefined) return this.#add();
    const hasRoom = least.unanswered < CONNECTION_REQUESTS;
    return hasRoom || this.#open.size >= this.#maxConnections ? least : this.#add();
  }
}
