import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub } from '@google-cloud/pubsub';
import { EXTRACT_TOPIC } from './cloud.ts';

export interface Scheduler {
  /** Resolves when the tick that is being published is out. */
  stop(): Promise<void>;
}

/**
 * Publishes what Cloud Scheduler publishes, now and again and again. A tick waits for the one before it to be published, so
 * that they do not pile up while Pub/Sub is away; one that fails is told to `onError`, and the next one is tried.
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
