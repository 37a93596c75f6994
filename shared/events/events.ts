import { z } from 'zod';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { RestClient } from '../google/rest-client.ts';
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
  /** Requests an extract of each view. Without an error, all messages are stored; with one, some may be. */
  requestExtracts(views: readonly string[], trigger: string): Promise<void>;
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

/** https://cloud.google.com/pubsub/quotas#resource_limits. Our messages are small: a thousand of them have far less than 10 MB. */
const MAX_MESSAGES_PER_REQUEST = 1000;

const NOT_FOUND = 5;

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish */
const publishedSchema = z.object({ messageIds: z.array(z.string()) });

/** The client is opened at its first use. It publishes a message once more when Pub/Sub does not answer in time. */
export function createEvents(
  openPubSub: () => Promise<RestClient>,
  projectId: string,
  topics: Topics,
  attributes: Record<string, string> = {},
): Events {
  const pathOf = (topic: string): string => `/v1/projects/${projectId}/topics/${encodeURIComponent(topic)}`;
  const publishAll = async (topic: string, payloads: readonly object[]): Promise<void> => {
    const messages = payloads.map((payload) => ({ data: base64(JSON.stringify(payload)), attributes }));
    const path = `${pathOf(topic)}:publish`;
    const pubsub = await openPubSub();
    const answer = await pubsub
      .request({ method: 'POST', path, body: { messages } })
      .catch((error: unknown) => {
        throw fromGoogle(error, `topic ${topic}`);
      });
    if (publishedSchema.safeParse(answer).data?.messageIds.length !== messages.length) {
      throw new DataHubError('transient', `topic ${topic}: the answer does not name the stored messages`);
    }
  };
  const publish = (topic: string, payload: object) => publishAll(topic, [payload]);
  return {
    withTrace: (traceparent) => createEvents(openPubSub, projectId, topics, { traceparent }),
    requestExtract: (view, trigger) => publish(topics.extract, { view, trigger }),
    async requestExtracts(views, trigger) {
      const requests = await Promise.allSettled(
        chunksOf(views, MAX_MESSAGES_PER_REQUEST).map((chunk) =>
          publishAll(
            topics.extract,
            chunk.map((view) => ({ view, trigger })),
          ),
        ),
      );
      for (const request of requests) if (request.status === 'rejected') throw request.reason;
    },
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
      const exists = async (topic: string): Promise<boolean> => {
        try {
          await pubsub.request({ method: 'GET', path: pathOf(topic) });
          return true;
        } catch (error) {
          if (codeOf(error) === NOT_FOUND) return false;
          throw fromGoogle(error, `topic ${topic}`);
        }
      };
      const names = Object.values(topics);
      const found = await Promise.all(names.map(exists));
      return names.filter((_, i) => found[i] !== true);
    },
  };
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

const chunksOf = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
