import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub } from '@google-cloud/pubsub';
import { EXTRACT_TOPIC } from './cloud.ts';

export interface Scheduler {
  /** Resolves when the current tick is published. */
  stop(): Promise<void>;
}

/**
 * Publishes Cloud Scheduler's message at once and then at every interval. A tick waits until the previous one is published, so
 * that ticks do not pile up while Pub/Sub is unavailable. `onError` gets the error of a failed tick; the next tick follows anyway.
 */
export function startScheduler(options: {
  pubsub: PubSub;
  intervalMs: number;
  onError: (error: unknown) => void;
}): Scheduler {
  const { pubsub, intervalMs, onError } = options;
  const topic = pubsub.topic(EXTRACT_TOPIC, { batching: { maxMessages: 1 } });
  const stopping = new AbortController();
  const keepTicking = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await topic.publishMessage({ json: { trigger: 'scheduler' } }).catch(onError);
      await delay(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const ticking = keepTicking();
  return {
    stop: async () => {
      stopping.abort();
      await ticking;
    },
  };
}
