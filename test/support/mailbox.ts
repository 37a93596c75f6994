import { type PubSub, v1 } from '@google-cloud/pubsub';

/** A subscription to a topic, from which a test takes the published messages. */
export class Mailbox {
  readonly #client: v1.SubscriberClient;
  readonly #subscription: string;

  private constructor(client: v1.SubscriberClient, subscription: string) {
    this.#client = client;
    this.#subscription = subscription;
  }

  /** Creates the topic and a subscription that receives all later messages. */
  static async of(pubsub: PubSub, topic: string): Promise<Mailbox> {
    const [created] = await pubsub.createTopic(topic);
    const [{ name }] = await created.createSubscription(`${topic}-mailbox`);
    // The client completes its options from the environment only at its first call.
    const options = { ...pubsub.options, projectId: pubsub.projectId };
    return new Mailbox(new v1.SubscriberClient(options), name);
  }

  /** Takes all published messages as parsed JSON, in the order of publishing. */
  async take(): Promise<unknown[]> {
    return (await this.takeRaw()).map((data) => JSON.parse(Buffer.from(data, 'base64').toString('utf8')));
  }

  /** Takes all published messages as base64, as a push delivers them. */
  async takeRaw(): Promise<string[]> {
    const taken: string[] = [];
    for (;;) {
      // The emulator responds immediately with all available messages, or with none.
      const [{ receivedMessages }] = await this.#client.pull({
        subscription: this.#subscription,
        maxMessages: 1000,
        returnImmediately: true,
      });
      const received = receivedMessages ?? [];
      if (received.length === 0) return taken;
      taken.push(...received.map(({ message }) => Buffer.from(message?.data ?? '').toString('base64')));
      await this.#client.acknowledge({
        subscription: this.#subscription,
        ackIds: received.map(({ ackId }) => ackId ?? ''),
      });
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
