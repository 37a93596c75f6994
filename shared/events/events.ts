import type { PubSub } from '@google-cloud/pubsub';
import { DataHubError } from '../errors.ts';
import { fromGoogle } from '../google/google-errors.ts';
import type { ApplierFunction } from '../model/batch.ts';

export type Topics = {
  extract: string;
  merge: string;
  stream: string;
  reconcile: string;
  deadLetter: string;
};

/** Publishes messages. Each method returns when Pub/Sub has stored the message. After a lost answer, a message may be published twice. */
export type Events = {
  /** Returns the same publisher, whose messages carry this trace (`Trace`). */
  withTrace(traceparent: string): Events;
  requestExtract(view: string, trigger: string): Promise<void>;
  /** Asks `extract` to run an operation, by the payload of a call. */
  requestOperation(payload: Readonly<Record<string, unknown>>): Promise<void>;
  /** Asks for a check of a view, with the options that its event may have. */
  requestCheck(view: string, options: Readonly<Record<string, unknown>>): Promise<void>;
  /** Asks for a check of every view. */
  requestChecks(options: Readonly<Record<string, unknown>>): Promise<void>;
  /** Asks to go on with a check. */
  continueCheck(view: string, check: bigint): Promise<void>;
  announceBatch(applier: ApplierFunction, view: string, etlTransactionId: bigint): Promise<void>;
  /** Sends an event again to the function that failed with it. Throws `invalid_event` for a function without a topic. */
  sendAgain(functionName: string, event: object): Promise<void>;
  publishDeadLetter(letter: object): Promise<void>;
  /** Returns the names of the configured topics that do not exist. */
  missingTopics(): Promise<string[]>;
};

const RECEIVERS = ['extract', 'merge', 'stream', 'reconcile'] as const;

const isReceiver = (functionName: string): functionName is (typeof RECEIVERS)[number] =>
  (RECEIVERS as readonly string[]).includes(functionName);

/** Opens the client at its first use. Publishes a message once more when Pub/Sub does not answer within `callTimeoutSeconds`. */
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
    withTrace: (traceparent) => createEvents(openPubSub, topics, callTimeoutSeconds, { traceparent }),
    requestExtract: (view, trigger) => publish(topics.extract, { view, trigger }),
    requestOperation: (payload) => publish(topics.extract, payload),
    requestCheck: (view, options) => publish(topics.reconcile, { view, ...options }),
    requestChecks: (options) => publish(topics.reconcile, { ...options }),
    continueCheck: (view, check) => publish(topics.reconcile, { view, check: String(check) }),
    announceBatch: (applier, view, id) => publish(topics[applier], { view, etlTransactionId: String(id) }),
    async sendAgain(functionName, event) {
      if (!isReceiver(functionName)) {
        throw new DataHubError(
          'invalid_event',
          `function ${JSON.stringify(functionName)} receives no events`,
          { advice: 'Leave its failures out: only those of extract, merge and stream have an event.' },
        );
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
