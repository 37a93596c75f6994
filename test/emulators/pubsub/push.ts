import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { FaultError, type Faults } from '../faults.ts';
import type { Lease, MessageQueue } from './message-queue.ts';

/** Statuses that acknowledge a message: https://cloud.google.com/pubsub/docs/push */
const ACKNOWLEDGING = new Set([102, 200, 201, 202, 204]);
/** Fixed here; Pub/Sub adapts its window to the answers that it gets: https://cloud.google.com/pubsub/docs/push */
const MAX_OUTSTANDING = 100;

/**
 * Posts the messages of a queue to its push endpoint, several at a time, until it is stopped. Any other status than an
 * acknowledging one, no answer within the ack deadline, and a broken or refused connection refuse the message.
 */
export class Push {
  readonly #queue: MessageQueue;
  readonly #subscription: string;
  readonly #endpoint: string;
  readonly #ackDeadlineMs: number;
  readonly #faults: Faults;
  readonly #stopping = new AbortController();
  readonly #deliver = () => this.#deliverReady();
  #outstanding = 0;

  constructor(push: {
    queue: MessageQueue;
    /** The full name. */
    subscription: string;
    endpoint: string;
    ackDeadlineMs: number;
    faults: Faults;
  }) {
    this.#queue = push.queue;
    this.#subscription = push.subscription;
    this.#endpoint = push.endpoint;
    this.#ackDeadlineMs = push.ackDeadlineMs;
    this.#faults = push.faults;
    this.#queue.on('change', this.#deliver);
    this.#deliverReady();
  }

  /** Breaks off deliveries under way; their messages go to the next endpoint or client. */
  stop(): void {
    this.#queue.off('change', this.#deliver);
    this.#stopping.abort();
  }

  #deliverReady(): void {
    // The request has a time-out of its own, which starts when the request starts.
    const leases = this.#queue.lease(MAX_OUTSTANDING - this.#outstanding, Number.POSITIVE_INFINITY);
    for (const lease of leases) {
      this.#outstanding++;
      void this.#deliverOne(lease);
    }
  }

  /** Never rejects: every failure refuses the message. */
  async #deliverOne(lease: Lease): Promise<void> {
    const status = await this.#faults
      .around('pubsub.push', () => this.#post(lease))
      .catch((error) => faultStatus(error));
    this.#outstanding--;
    if (status !== undefined && ACKNOWLEDGING.has(status)) this.#queue.acknowledge(lease.ackId);
    else this.#queue.refuse(lease.ackId);
  }

  /** Resolves to the status of the answer; the body does not matter. */
  #post({ message }: Lease): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const { messageId, publishTime, data, attributes } = message;
    // Pub/Sub sends two fields in two spellings: https://cloud.google.com/pubsub/docs/push
    const body = JSON.stringify({
      message: {
        ...(Object.keys(attributes).length > 0 && { attributes }),
        ...(data !== '' && { data }),
        messageId,
        message_id: messageId,
        publishTime,
        publish_time: publishTime,
      },
      subscription: this.#subscription,
    });
    const send = this.#endpoint.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(this.#endpoint, {
      method: 'POST',
      // Each message has a connection of its own, so that no delivery fails because the endpoint just closed an idle connection.
      agent: false,
      signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#ackDeadlineMs)]),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
      },
    });
    request.on('information', ({ statusCode }) => {
      if (ACKNOWLEDGING.has(statusCode)) resolve(statusCode);
    });
    request.on('response', (response) => {
      response.resume().on('error', () => undefined);
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end(body);
    return promise;
  }
}

/** The status that a script puts in place of the endpoint's; undefined for every other failure. */
function faultStatus(error: unknown): number | undefined {
  const answer = error instanceof FaultError ? error.answer : undefined;
  return answer?.kind === 'status' && typeof answer.status === 'number' ? answer.status : undefined;
}
