import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { FaultError, type Faults } from '../faults.ts';
import type { Lease, MessageQueue } from './message-queue.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

/** The answers that acknowledge a message. */
const ACKNOWLEDGING = new Set([102, 200, 201, 202, 204]);
const MAX_OUTSTANDING = 100;

/**
 * Delivers the messages of a queue to its push endpoint, several at a time, until it is stopped. Every other answer
 * than an acknowledging one, no answer within the ack deadline, and a broken or refused connection refuse the message.
 */
export class Push {
  readonly #queue: MessageQueue;
  readonly #config: () => SubscriptionConfig;
  readonly #endpoint: string;
  readonly #faults: Faults;
  readonly #stopping = new AbortController();
  readonly #deliver = () => this.#deliverReady();
  #outstanding = 0;

  constructor(push: {
    queue: MessageQueue;
    /** The subscription as it is by then. */
    config: () => SubscriptionConfig;
    endpoint: string;
    faults: Faults;
  }) {
    this.#queue = push.queue;
    this.#config = push.config;
    this.#endpoint = push.endpoint;
    this.#faults = push.faults;
    this.#queue.on('change', this.#deliver);
    this.#deliverReady();
  }

  /** Breaks off deliveries under way; their messages are delivered again by whoever comes next. */
  stop(): void {
    this.#queue.off('change', this.#deliver);
    this.#stopping.abort();
  }

  #deliverReady(): void {
    // The delivery has its own clock, which starts when it does.
    const leases = this.#queue.lease(MAX_OUTSTANDING - this.#outstanding, Number.POSITIVE_INFINITY);
    for (const lease of leases) {
      this.#outstanding++;
      void this.#deliverOne(lease);
    }
  }

  /** Never rejects: whatever goes wrong is a refusal. */
  async #deliverOne(lease: Lease): Promise<void> {
    const outcome = await this.#faults
      .around('pubsub.push', () => this.#post(lease))
      .catch((error) => faultStatus(error) ?? ('no answer' as const));
    this.#outstanding--;
    if (typeof outcome === 'number' && ACKNOWLEDGING.has(outcome))
      this.#queue.acknowledge(lease.ackId, outcome);
    else this.#queue.refuse(lease.ackId, outcome);
  }

  /** The status of the answer; its body is of no interest. */
  #post(lease: Lease): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const body = JSON.stringify(pushBody(lease, this.#config()));
    const send = this.#endpoint.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(this.#endpoint, {
      method: 'POST',
      // A connection of its own for each message: none fails because the other side closed an idle one just then.
      agent: false,
      signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#queue.policy.ackDeadlineMs)]),
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

/** Two fields have two spellings; the attempts are told to those only who have a dead letter topic. */
function pushBody({ message, attempt }: Lease, { name, deadLetterPolicy }: SubscriptionConfig) {
  const { messageId, publishTime, data, attributes, orderingKey } = message;
  return {
    message: {
      ...(Object.keys(attributes).length > 0 && { attributes }),
      ...(data !== '' && { data }),
      messageId,
      message_id: messageId,
      ...(orderingKey !== '' && { orderingKey }),
      publishTime,
      publish_time: publishTime,
    },
    subscription: name,
    ...(deadLetterPolicy && { deliveryAttempt: attempt }),
  };
}

function faultStatus(error: unknown): number | undefined {
  const answer = error instanceof FaultError ? error.answer : undefined;
  return answer?.kind === 'status' && typeof answer.status === 'number' ? answer.status : undefined;
}
