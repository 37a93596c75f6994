import { EventEmitter } from 'node:events';
import type { Message } from './message.ts';
import { backoffMs, type DeliveryPolicy } from './subscription-config.ts';

/** A message handed out, to be acknowledged by this id. */
export interface Lease {
  readonly ackId: string;
  readonly message: Message;
}

interface Entry {
  readonly message: Message;
  attempts: number;
  timer?: NodeJS.Timeout;
}

/**
 * The messages of one subscription that are not acknowledged yet. Each is ready, leased, or backing off after a failed delivery.
 * Delivery is at least once: https://cloud.google.com/pubsub/docs/subscription-overview
 * Emits `change` when messages became ready or were removed.
 */
export class MessageQueue extends EventEmitter<{ change: [] }> {
  readonly #policy: DeliveryPolicy;
  readonly #onRemoved: (message: Message) => void;
  readonly #ready: Entry[] = [];
  readonly #backingOff = new Set<Entry>();
  readonly #leased = new Map<string, Entry>();
  #lastAckId = 0;

  /** `onRemoved` is called with each message that will not be delivered again. */
  constructor(policy: DeliveryPolicy, onRemoved: (message: Message) => void) {
    super();
    this.#policy = policy;
    this.#onRemoved = onRemoved;
  }

  /** The number of messages that are not acknowledged. */
  get size(): number {
    return this.#ready.length + this.#backingOff.size + this.#leased.size;
  }

  add(message: Message): void {
    this.#ready.push({ message, attempts: 0 });
    this.emit('change');
  }

  /** Hands out at most this many messages. One that is not acknowledged in time counts as refused; Infinity waits for ever. */
  lease(maxMessages: number, ackDeadlineMs = this.#policy.ackDeadlineMs): Lease[] {
    return this.#ready.splice(0, Math.max(0, maxMessages)).map((entry) => {
      entry.attempts++;
      const ackId = String(++this.#lastAckId);
      this.#leased.set(ackId, entry);
      if (ackDeadlineMs !== Number.POSITIVE_INFINITY) {
        entry.timer = setTimeout(() => this.refuse(ackId), ackDeadlineMs);
      }
      return { ackId, message: entry.message };
    });
  }

  /**
   * Safe to repeat; an id whose lease has ended changes nothing.
   * https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.Subscriber.Acknowledge
   */
  acknowledge(ackId: string): void {
    const entry = this.#endLease(ackId);
    if (!entry) return;
    this.#onRemoved(entry.message);
    this.emit('change');
  }

  /** The message is delivered again after its back-off. */
  refuse(ackId: string): void {
    const entry = this.#endLease(ackId);
    if (!entry) return;
    this.#backingOff.add(entry);
    entry.timer = setTimeout(() => this.#makeReady(entry), backoffMs(this.#policy, entry.attempts));
  }

  /** Stops all timers; the messages stay in the store. */
  close(): void {
    for (const { timer } of [...this.#leased.values(), ...this.#backingOff]) clearTimeout(timer);
    this.#ready.length = 0;
    this.#backingOff.clear();
    this.#leased.clear();
    this.removeAllListeners();
  }

  #makeReady(entry: Entry): void {
    this.#backingOff.delete(entry);
    this.#ready.push(entry);
    this.emit('change');
  }

  #endLease(ackId: string): Entry | undefined {
    const entry = this.#leased.get(ackId);
    this.#leased.delete(ackId);
    clearTimeout(entry?.timer);
    return entry;
  }
}
