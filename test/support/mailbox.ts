import { type PubSub, v1 } from '@google-cloud/pubsub';

/** A subscription to one topic, from which a test takes what was published so far. */
export class Mailbox {
  readonly #client: v1.SubscriberClient;
  readonly #subscription: string;

  private constructor(client: v1.SubscriberClient, subscription: string) {
    this.#client = client;
    this.#subscription = subscription;
  }

  /** Creates the topic, with a subscription that is to have its messages from now on. */
  static async of(pubsub: PubSub, topic: string): Promise<Mailbox> {
    const [created] = await pubsub.createTopic(topic);
    const [{ name }] = await created.createSubscription(`${topic}-mailbox`);
    // The options that the client found in the environment are complete only after its first call.
    const options = { ...pubsub.options, projectId: pubsub.projectId };
    return new Mailbox(new v1.SubscriberClient(options), name);
  }

  /** Takes all messages that have been published, as JSON, in the order of publishing. */
  async take(): Promise<unknown[]> {
    return (await this.takeRaw()).map((data) => JSON.parse(Buffer.from(data, 'base64').toString('utf8')));
  }

  /** The same, as the base64 text that a push carries. */
  async takeRaw(): Promise<string[]> {
    const taken: string[] = [];
    for (;;) {
      // The stand-in answers at once with all that there is, and so may an empty mailbox.
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
