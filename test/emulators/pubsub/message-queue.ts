import { EventEmitter } from 'node:events';
import type { Message } from './message.ts';
import { backoffMs, type DeliveryPolicy } from './subscription-config.ts';

/** How a delivery ended: the status of a push endpoint's answer, or what became of a lease. */
export type DeliveryOutcome = number | 'acknowledged' | 'refused' | 'expired' | 'no answer';

/** A message handed out, to be acknowledged by this id. */
export interface Lease {
  readonly ackId: string;
  readonly message: Message;
  /** 1 for the first delivery. */
  readonly attempt: number;
}

interface Entry {
  readonly message: Message;
  attempts: number;
  timer?: NodeJS.Timeout;
}

/** What a queue does outside itself. */
export interface QueueEffects {
  /** A delivery ended. */
  settled(lease: Lease, outcome: DeliveryOutcome): void;
  /** The message will not be delivered again. */
  removed(message: Message): void;
  /** Takes a message whose delivery failed so often for good; false leaves it in the queue. */
  giveUp(message: Message, attempts: number): boolean;
}

/**
 * The messages of one subscription that are not acknowledged yet: waiting to be leased, leased, or waiting for the
 * end of their back-off. Delivers at least once. Emits `change` whenever messages may be leased or were removed.
 */
export class MessageQueue extends EventEmitter<{ change: [] }> {
  policy: DeliveryPolicy;
  readonly #effects: QueueEffects;
  readonly #ready: Entry[] = [];
  readonly #backingOff = new Set<Entry>();
  readonly #leased = new Map<string, { entry: Entry; lease: Lease }>();
  #lastAckId = 0;

  constructor(policy: DeliveryPolicy, effects: QueueEffects) {
    super();
    this.setMaxListeners(0);
    this.policy = policy;
    this.#effects = effects;
  }

  /** How many messages are not acknowledged. */
  get size(): number {
    return this.#ready.length + this.#backingOff.size + this.#leased.size;
  }

  add(message: Message): void {
    this.#ready.push({ message, attempts: 0 });
    this.emit('change');
  }

  /** Hands out up to so many messages. Those not settled in time count as refused; Infinity waits for ever. */
  lease(maxMessages: number, ackDeadlineMs = this.policy.ackDeadlineMs): Lease[] {
    return this.#ready.splice(0, Math.max(0, maxMessages)).map((entry) => {
      entry.attempts++;
      const lease = { ackId: String(++this.#lastAckId), message: entry.message, attempt: entry.attempts };
      this.#leased.set(lease.ackId, { entry, lease });
      this.#expireIn(entry, lease.ackId, ackDeadlineMs);
      return lease;
    });
  }

  isLeased(ackId: string): boolean {
    return this.#leased.has(ackId);
  }

  /** Safe to repeat; an id that is no longer leased is ignored, as Pub/Sub does. */
  acknowledge(ackId: string, outcome: DeliveryOutcome = 'acknowledged'): void {
    const entry = this.#settle(ackId, outcome);
    if (!entry) return;
    this.#effects.removed(entry.message);
    this.emit('change');
  }

  /** The message is delivered again after its back-off, or given up. */
  refuse(ackId: string, outcome: DeliveryOutcome = 'refused'): void {
    const entry = this.#settle(ackId, outcome);
    if (!entry) return;
    if (this.#effects.giveUp(entry.message, entry.attempts)) {
      this.#effects.removed(entry.message);
    } else {
      this.#backingOff.add(entry);
      entry.timer = setTimeout(() => this.#makeReady(entry), backoffMs(this.policy, entry.attempts));
    }
    this.emit('change');
  }

  extend(ackId: string, ackDeadlineMs: number): void {
    const leased = this.#leased.get(ackId);
    if (!leased) return;
    clearTimeout(leased.entry.timer);
    this.#expireIn(leased.entry, ackId, ackDeadlineMs);
  }

  /** Ends all waiting; the messages stay where they are stored. */
  close(): void {
    for (const { entry } of this.#leased.values()) clearTimeout(entry.timer);
    for (const entry of this.#backingOff) clearTimeout(entry.timer);
    this.#ready.length = 0;
    this.#backingOff.clear();
    this.#leased.clear();
    this.emit('change');
    this.removeAllListeners();
  }

  #makeReady(entry: Entry): void {
    this.#backingOff.delete(entry);
    this.#ready.push(entry);
    this.emit('change');
  }

  #expireIn(entry: Entry, ackId: string, ackDeadlineMs: number): void {
    if (ackDeadlineMs === Number.POSITIVE_INFINITY) return;
    entry.timer = setTimeout(() => this.refuse(ackId, 'expired'), ackDeadlineMs);
  }

  #settle(ackId: string, outcome: DeliveryOutcome): Entry | undefined {
    const leased = this.#leased.get(ackId);
    if (!leased) return undefined;
    this.#leased.delete(ackId);
    clearTimeout(leased.entry.timer);
    this.#effects.settled(leased.lease, outcome);
    return leased.entry;
  }
}
