import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Message } from './message.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

export interface StoredTopic {
  readonly name: string;
}

/**
 * Topics, subscriptions and their undelivered messages in a folder, one small file each. Every write is whole and survives a kill of
 * the process at any moment.
 *
 *     topics/<topic>.json
 *     subscriptions/<subscription>/subscription.json
 *     subscriptions/<subscription>/<message id>.json
 */
export class MessageStore {
  readonly #topics: string;
  readonly #subscriptions: string;

  constructor(folder: string) {
    this.#topics = join(folder, 'topics');
    this.#subscriptions = join(folder, 'subscriptions');
    mkdirSync(this.#topics, { recursive: true });
    mkdirSync(this.#subscriptions, { recursive: true });
  }

  topics(): StoredTopic[] {
    return jsonFiles(this.#topics).map((file) => readJson<StoredTopic>(join(this.#topics, file)));
  }

  saveTopic(topic: StoredTopic): void {
    writeWhole(this.#topicPath(topic.name), topic);
  }

  removeTopic(name: string): void {
    rmSync(this.#topicPath(name));
  }

  /** Every subscription with its undelivered messages, oldest first. */
  subscriptions(): { config: SubscriptionConfig; messages: Message[] }[] {
    return readdirSync(this.#subscriptions)
      .map((entry) => join(this.#subscriptions, entry))
      .filter((folder) => jsonFiles(folder).includes(CONFIG_FILE))
      .map((folder) => ({
        config: readJson<SubscriptionConfig>(join(folder, CONFIG_FILE)),
        messages: jsonFiles(folder)
          .filter((file) => file !== CONFIG_FILE)
          .map((file) => readJson<Message>(join(folder, file)))
          .sort((a, b) => Number(a.messageId) - Number(b.messageId)),
      }));
  }

  saveSubscription(config: SubscriptionConfig): void {
    mkdirSync(this.#subscriptionFolder(config.name), { recursive: true });
    writeWhole(join(this.#subscriptionFolder(config.name), CONFIG_FILE), config);
  }

  removeSubscription(name: string): void {
    rmSync(this.#subscriptionFolder(name), { recursive: true });
  }

  saveMessage(subscription: string, message: Message): void {
    writeWhole(this.#messagePath(subscription, message), message);
  }

  /** Safe to repeat. */
  removeMessage(subscription: string, message: Message): void {
    rmSync(this.#messagePath(subscription, message), { force: true });
  }

  #topicPath(name: string): string {
    return join(this.#topics, `${encodeURIComponent(name)}.json`);
  }

  #subscriptionFolder(name: string): string {
    return join(this.#subscriptions, encodeURIComponent(name));
  }

  #messagePath(subscription: string, { messageId }: Message): string {
    return join(this.#subscriptionFolder(subscription), `${messageId}.json`);
  }
}

const CONFIG_FILE = 'subscription.json';

function jsonFiles(folder: string): string[] {
  return readdirSync(folder).filter((file) => file.endsWith('.json'));
}

/** The emulator wrote the files itself, so their shape is not checked again. */
function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

function writeWhole(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value));
  renameSync(`${path}.new`, path);
}
