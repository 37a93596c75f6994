import { EventEmitter, once } from 'node:events';
import type { Faults } from '../faults.ts';
import type { Message } from './message.ts';
import { MessageQueue } from './message-queue.ts';
import type { MessageStore, StoredTopic } from './message-store.ts';
import { alreadyExists, invalid, notFound } from './pub-sub-error.ts';
import { Push } from './push.ts';
import {
  checkedSubscription,
  type DeliveryTimes,
  deliveryPolicy,
  type SubscriptionConfig,
} from './subscription-config.ts';

/** A message as its publisher sends it. */
export type Draft = Pick<Message, 'data' | 'attributes'>;

interface Subscription {
  config: SubscriptionConfig;
  readonly queue: MessageQueue;
  push?: Push | undefined;
}

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const MAX_PUBLISH_BYTES = 10_000_000;
/** https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.Publisher.DeleteTopic */
const DELETED_TOPIC = '_deleted-topic_';
/** What follows `projects/<project>/topics/`: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names */
const RESOURCE_NAME = '[A-Za-z][\\w.~+%-]{2,254}';

/** Topics and subscriptions, and the delivery of messages from one to the other. */
export class Broker {
  readonly #store: MessageStore;
  readonly #faults: Faults;
  readonly #times: DeliveryTimes;
  readonly #topics = new Map<string, StoredTopic>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #events = new EventEmitter<{ change: [] }>();
  #lastMessageId = 0;

  /**
   * Takes over the topics, subscriptions and undelivered messages of the store. Delivery starts at once, or with
   * `forgetsPushEndpoints` when a subscription gets a new endpoint.
   */
  constructor(broker: {
    store: MessageStore;
    forgetsPushEndpoints: boolean;
    faults: Faults;
    times: DeliveryTimes;
  }) {
    this.#store = broker.store;
    this.#faults = broker.faults;
    this.#times = broker.times;
    for (const topic of this.#store.topics()) this.#topics.set(topic.name, topic);
    for (const { config, messages } of this.#store.subscriptions()) {
      this.#open(broker.forgetsPushEndpoints ? { ...config, pushConfig: null } : config, messages);
    }
  }

  createTopic<T extends StoredTopic>(topic: T): T {
    checkName(topic.name, 'topics');
    if (this.#topics.has(topic.name)) throw alreadyExists(topic.name);
    this.#store.saveTopic(topic);
    this.#topics.set(topic.name, topic);
    return topic;
  }

  topic(name: string): StoredTopic {
    const topic = this.#topics.get(name);
    if (!topic) throw notFound(name);
    return topic;
  }

  /** Subscriptions of the topic stay, with their messages. */
  deleteTopic(name: string): void {
    this.topic(name);
    this.#store.removeTopic(name);
    this.#topics.delete(name);
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.config.topic === name) this.#change(subscription, { topic: DELETED_TOPIC });
    }
  }

  createSubscription(config: SubscriptionConfig): SubscriptionConfig {
    checkName(config.name, 'subscriptions');
    this.topic(config.topic);
    if (this.#subscriptions.has(config.name)) throw alreadyExists(config.name);
    const checked = checkedSubscription(config);
    this.#store.saveSubscription(checked);
    this.#open(checked, []);
    return checked;
  }

  subscription(name: string): SubscriptionConfig {
    return this.#find(name).config;
  }

  /**
   * Delivers to another endpoint from now on, or to nobody. Deliveries under way are broken off.
   * https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.Subscriber.ModifyPushConfig
   */
  changePushConfig(name: string, pushConfig: SubscriptionConfig['pushConfig']): void {
    const subscription = this.#find(name);
    this.#change(subscription, { pushConfig });
    this.#startPush(subscription);
  }

  deleteSubscription(name: string): void {
    this.#close(this.#find(name));
    this.#store.removeSubscription(name);
    this.#subscriptions.delete(name);
    this.#events.emit('change');
  }

  /** The queue of a subscription, for its pulling clients. */
  queue(subscription: string): MessageQueue {
    return this.#find(subscription).queue;
  }

  /** Stores the messages for every subscription of the topic, then returns their ids in the same order. */
  publish(topicName: string, drafts: readonly Draft[]): string[] {
    this.topic(topicName);
    checkDrafts(drafts);
    const publishTime = new Date().toISOString();
    const targets = [...this.#subscriptions.values()].filter(({ config }) => config.topic === topicName);
    return drafts.map((draft) => {
      const message = { ...draft, messageId: this.#nextMessageId(), publishTime };
      for (const { config, queue } of targets) {
        this.#store.saveMessage(config.name, message);
        queue.add(message);
      }
      return message.messageId;
    });
  }

  /** Resolves when every message of every subscription is acknowledged. */
  async idle(): Promise<void> {
    while ([...this.#subscriptions.values()].some(({ queue }) => queue.size > 0))
      await once(this.#events, 'change');
  }

  close(): void {
    for (const subscription of this.#subscriptions.values()) this.#close(subscription);
    this.#subscriptions.clear();
    this.#events.emit('change');
  }

  #find(name: string): Subscription {
    const subscription = this.#subscriptions.get(name);
    if (!subscription) throw notFound(name);
    return subscription;
  }

  #open(config: SubscriptionConfig, messages: readonly Message[]): void {
    const { name } = config;
    const queue = new MessageQueue(deliveryPolicy(config, this.#times), (message) =>
      this.#store.removeMessage(name, message),
    );
    queue.on('change', () => this.#events.emit('change'));
    for (const message of messages) {
      this.#lastMessageId = Math.max(this.#lastMessageId, Number(message.messageId));
      queue.add(message);
    }
    const subscription: Subscription = { config, queue };
    this.#subscriptions.set(name, subscription);
    this.#startPush(subscription);
  }

  #change(subscription: Subscription, change: Partial<SubscriptionConfig>): void {
    subscription.config = checkedSubscription({ ...subscription.config, ...change });
    this.#store.saveSubscription(subscription.config);
  }

  #startPush(subscription: Subscription): void {
    const { config, queue } = subscription;
    subscription.push?.stop();
    const endpoint = config.pushConfig?.pushEndpoint;
    const ackDeadlineMs = deliveryPolicy(config, this.#times).ackDeadlineMs;
    subscription.push = endpoint
      ? new Push({ queue, subscription: config.name, endpoint, ackDeadlineMs, faults: this.#faults })
      : undefined;
  }

  #close({ push, queue }: Subscription): void {
    push?.stop();
    queue.close();
  }

  #nextMessageId(): string {
    this.#lastMessageId = Math.max(Date.now() * 1000, this.#lastMessageId + 1);
    return String(this.#lastMessageId);
  }
}

function checkName(name: string, collection: 'topics' | 'subscriptions'): void {
  if (!new RegExp(`^projects/[^/]+/${collection}/${RESOURCE_NAME}$`).test(name)) {
    throw invalid(`Invalid resource name: ${name}`);
  }
}

/** https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.PubsubMessage */
function checkDrafts(drafts: readonly Draft[]): void {
  if (drafts.length === 0) throw invalid('A publish request needs at least one message.');
  const bytes = drafts.map(
    ({ data, attributes }) => Buffer.byteLength(data, 'base64') + attributeBytes(attributes),
  );
  if (bytes.includes(0)) throw invalid('A message needs data or an attribute.');
  if (bytes.reduce((sum, size) => sum + size, 0) > MAX_PUBLISH_BYTES) {
    throw invalid('The request exceeds the maximum of 10,000,000 bytes.');
  }
}

function attributeBytes(attributes: Readonly<Record<string, string>>): number {
  return Object.entries(attributes).reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value), 0);
}
