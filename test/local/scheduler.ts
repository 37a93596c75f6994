import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub } from '@google-cloud/pubsub';

export interface Scheduler {
  /** Resolves when the current message is published, or has not been for some seconds. */
  stop(): Promise<void>;
}

const PUBLISH_TIMEOUT_MS = 3_000;

/**
 * Publishes Cloud Scheduler's message to a topic after `delayMs` and then at every interval. A message waits until the previous one is
 * published, so that they do not pile up while Pub/Sub is unavailable. `onError` gets the error of a failed one; the next follows anyway.
 */
export function startScheduler(options: {
  pubsub: PubSub;
  topic: string;
  message?: object;
  delayMs?: number;
  intervalMs: number;
  onError: (error: unknown) => void;
}): Scheduler {
  const { pubsub, message, delayMs = 0, intervalMs, onError } = options;
  const topic = pubsub.topic(options.topic, { batching: { maxMessages: 1 } });
  const json = { trigger: 'scheduler', ...message };
  const stopping = new AbortController();
  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const keepPublishing = async (): Promise<void> => {
    await pause(delayMs);
    while (!stopping.signal.aborted) {
      await topic.publishMessage({ json }).catch(onError);
      await pause(intervalMs);
    }
  };
  const publishing = keepPublishing();
  return {
    stop: async () => {
      stopping.abort();
      // The client goes on for minutes while Pub/Sub fails.
      await Promise.race([publishing, delay(PUBLISH_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
