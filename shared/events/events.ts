import type { PubSub } from '@google-cloud/pubsub';
import { DataHubError } from '../errors.ts';
import { fromGoogle } from '../google/google-errors.ts';

export type Topics = { extract: string; merge: string; stream: string; deadLetter: string };

/** Publishing; each resolves when Pub/Sub has the message, and may leave a duplicate when an answer was lost. */
export type Events = {
  /** The same, whose messages carry a trace on: see `Trace`. */
  within(traceparent: string): Events;
  requestExtract(view: string, trigger: string): Promise<void>;
  announceBatch(applier: 'merge' | 'stream', view: string, etlTransactionId: bigint): Promise<void>;
  /** An event that was set aside, to the function that failed with it. Throws `invalid_event` for a function that has no topic. */
  sendAgain(functionName: string, event: object): Promise<void>;
  /** An event or batch that is set aside, with its reason. */
  publishDeadLetter(letter: object): Promise<void>;
  /** The topics that do not exist. */
  missingTopics(): Promise<string[]>;
};

/**
 * A message that Pub/Sub has not taken within `callTimeoutSeconds` is sent once more. The client is opened when it is first
 * needed.
 */
export function createEvents(
  openPubSub: () => Promise<PubSub>,
  topics: Topics,
  callTimeoutSeconds = 60,
  attributes: Record<string, string> = {},
): Events {
  const callTimeoutMs = callTimeoutSeconds * 1000;
  const gaxOpts = {
    retry: {
      backoffSettings: {
        initialRetryDelayMillis: 100,
        retryDelayMultiplier: 2,
        maxRetryDelayMillis: 5_000,
        initialRpcTimeoutMillis: callTimeoutMs,
        rpcTimeoutMultiplier: 1,
        maxRpcTimeoutMillis: callTimeoutMs,
        totalTimeoutMillis: 2 * callTimeoutMs,
      },
    },
  };
  const publish = async (name: string, json: object): Promise<void> => {
    const pubsub = await openPubSub();
    const topic = pubsub.topic(name, { batching: { maxMessages: 1 }, gaxOpts });
    await topic.publishMessage({ json, attributes }).catch((error: unknown) => {
      throw fromGoogle(error, `topic ${name}`);
    });
  };
  return {
    within: (traceparent) => createEvents(openPubSub, topics, callTimeoutSeconds, { traceparent }),
    requestExtract: (view, trigger) => publish(topics.extract, { view, trigger }),
    announceBatch: (applier, view, id) => publish(topics[applier], { view, etlTransactionId: String(id) }),
    async sendAgain(functionName, event) {
      if (functionName !== 'extract' && functionName !== 'merge' && functionName !== 'stream') {
        throw new DataHubError('invalid_event', `no events are sent to ${JSON.stringify(functionName)}`);
      }
      await publish(topics[functionName], event);
    },
    publishDeadLetter: (letter) => publish(topics.deadLetter, letter),
    async missingTopics() {
      const pubsub = await openPubSub();
      const names = Object.values(topics);
      const found = await Promise.all(
        names.map(async (name) => {
          const [exists] = await pubsub
            .topic(name)
            .exists()
            .catch((error: unknown) => {
              throw fromGoogle(error, `topic ${name}`);
            });
          return exists;
        }),
      );
      return names.filter((_, i) => found[i] !== true);
    },
  };
}
