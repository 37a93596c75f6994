import { EventEmitter, once } from 'node:events';
import type { Faults } from '../faults.ts';
import type { Message } from './message.ts';
import { type DeliveryOutcome, MessageQueue } from './message-queue.ts';
import type { MessageStore, StoredTopic } from './message-store.ts';
import { alreadyExists, invalid, notFound } from './pub-sub-error.ts';
import { Push } from './push.ts';
import {
  checkedSubscription,
  type DeliveryTimes,
  deliveryPolicy,
  type SubscriptionConfig,
} from './subscription-config.ts';

/** One delivery that has ended, for tests to look at. */
export interface Delivery {
  /** The full name. */
  readonly subscription: string;
  readonly messageId: string;
  readonly attempt: number;
  readonly status: DeliveryOutcome;
}

export type Draft = Pick<Message, 'data' | 'attributes' | 'orderingKey'>;

interface Subscription {
  config: SubscriptionConfig;
  readonly queue: MessageQueue;
  push?: Push | undefined;
}

const MAX_PUBLISH_BYTES = 10_000_000;
/** How many of the latest deliveries are remembered, so that a stand-in can run for days. */
const REMEMBERED_DELIVERIES = 10_000;
/** What Pub/Sub shows as the topic of a subscription whose topic is gone. */
const DELETED_TOPIC = '_deleted-topic_';

/** Topics, their subscriptions, and the way of a message from one to the others. */
export class Broker {
  readonly deliveries: Delivery[] = [];
  readonly #store: MessageStore;
  readonly #faults: Faults;
  readonly #times: DeliveryTimes;
  readonly #topics = new Map<string, StoredTopic>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #events = new EventEmitter<{ change: [] }>();
  #lastMessageId = 0;
  #toDeliverTwice = 0;

  /** Takes up what the store holds: undelivered messages are delivered from now on, or when a new push endpoint is told. */
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
    if (!/^projects\/[^/]+\/topics\/[A-Za-z][\w.~+%-]{2,254}$/.test(topic.name)) {
      throw invalid(`Invalid resource name: ${topic.name}`);
    }
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

  topics(project: string): StoredTopic[] {
    return [...this.#topics.values()].filter(({ name }) => name.startsWith(`${project}/`));
  }

  /** Its subscriptions keep the messages that they have. */
  deleteTopic(name: string): void {
    this.topic(name);
    this.#store.removeTopic(name);
    this.#topics.delete(name);
    for (const { config } of this.#subscriptions.values()) {
      if (config.topic === name) this.changeSubscription(config.name, { topic: DELETED_TOPIC });
    }
  }

  createSubscription(config: SubscriptionConfig): SubscriptionConfig {
    if (!/^projects\/[^/]+\/subscriptions\/[A-Za-z][\w.~+%-]{2,254}$/.test(config.name)) {
      throw invalid(`Invalid resource name: ${config.name}`);
    }
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

  subscriptions(project: string): SubscriptionConfig[] {
    return [...this.#subscriptions.values()]
      .map(({ config }) => config)
      .filter(({ name }) => name.startsWith(`${project}/`));
  }

  /** Waiting messages follow the new settings; a change of the push endpoint moves deliveries there. */
  changeSubscription(name: string, change: Partial<SubscriptionConfig>): SubscriptionConfig {
    const subscription = this.#find(name);
    subscription.config = checkedSubscription({ ...subscription.config, ...change, name });
    this.#store.saveSubscription(subscription.config);
    subscription.queue.policy = deliveryPolicy(subscription.config, this.#times);
    if (change.pushConfig !== undefined) this.#startPush(subscription);
    return subscription.config;
  }

  deleteSubscription(name: string): void {
    this.#close(this.#find(name));
    this.#store.removeSubscription(name);
    this.#subscriptions.delete(name);
    this.#events.emit('change');
  }

  /** The queue of a subscription, for those who pull. */
  queue(subscription: string): MessageQueue {
    return this.#find(subscription).queue;
  }

  /** The messages are stored for every subscription of the topic before the ids are returned, in order. */
  publish(topicName: string, drafts: readonly Draft[]): string[] {
    this.topic(topicName);
    checkDrafts(drafts);
    const publishTime = new Date().toISOString();
    const targets = [...this.#subscriptions.values()].filter(({ config }) => config.topic === topicName);
    return drafts.map((draft) => {
      const message = { ...draft, messageId: this.#nextMessageId(), publishTime };
      const copies = this.#toDeliverTwice > 0 ? 2 : 1;
      this.#toDeliverTwice = Math.max(0, this.#toDeliverTwice - 1);
      for (const { config, queue } of targets) {
        this.#store.saveMessage(config.name, message);
        for (let copy = 0; copy < copies; copy++) queue.add(message);
      }
      return message.messageId;
    });
  }

  deliverTwice(messages: number): void {
    this.#toDeliverTwice += messages;
  }

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
    const queue = new MessageQueue(deliveryPolicy(config, this.#times), {
      settled: ({ message, attempt }, status) =>
        this.#remember({ subscription: name, messageId: message.messageId, attempt, status }),
      removed: (message) => this.#store.removeMessage(name, message),
      giveUp: (message, attempts) => this.#deadLetter(name, message, attempts),
    });
    queue.on('change', () => this.#events.emit('change'));
    for (const message of messages) {
      this.#lastMessageId = Math.max(this.#lastMessageId, Number(message.messageId));
      queue.add(message);
    }
    const subscription: Subscription = { config, queue };
    this.#subscriptions.set(name, subscription);
    this.#startPush(subscription);
  }

  #startPush(subscription: Subscription): void {
    const { config, queue } = subscription;
    subscription.push?.stop();
    const endpoint = config.pushConfig?.pushEndpoint;
    subscription.push = endpoint
      ? new Push({ queue, config: () => subscription.config, endpoint, faults: this.#faults })
      : undefined;
  }

  #close({ push, queue }: Subscription): void {
    push?.stop();
    queue.close();
  }

  /** Publishes a message that failed too often to the dead letter topic; while that is missing, it is retried. */
  #deadLetter(subscription: string, message: Message, attempts: number): boolean {
    const policy = this.subscription(subscription).deadLetterPolicy;
    if (!policy || attempts < policy.maxDeliveryAttempts || !this.#topics.has(policy.deadLetterTopic))
      return false;
    const [, project = '', , id = ''] = subscription.split('/');
    const attributes = {
      ...message.attributes,
      CloudPubSubDeadLetterSourceDeliveryCount: String(attempts),
      CloudPubSubDeadLetterSourceSubscription: id,
      CloudPubSubDeadLetterSourceSubscriptionProject: project,
      CloudPubSubDeadLetterSourceTopicPublishTime: message.publishTime,
    };
    this.publish(policy.deadLetterTopic, [{ ...message, attributes }]);
    return true;
  }

  #remember(delivery: Delivery): void {
    this.deliveries.push(delivery);
    if (this.deliveries.length > REMEMBERED_DELIVERIES) this.deliveries.shift();
  }

  #nextMessageId(): string {
    this.#lastMessageId = Math.max(Date.now() * 1000, this.#lastMessageId + 1);
    return String(this.#lastMessageId);
  }
}

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
