import { once } from 'node:events';
import type { Broker } from './broker.ts';
import { timestamp } from './message.ts';
import type { Lease, MessageQueue } from './message-queue.ts';
import { invalid } from './pub-sub-error.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

export interface PullRequest {
  subscription: string;
  maxMessages: number;
  returnImmediately: boolean;
}

/** How long a pull waits for a first message before it answers with none. */
const MAX_WAIT_MS = 1000;

export async function pull(broker: Broker, request: PullRequest) {
  const { subscription, maxMessages, returnImmediately } = request;
  if (maxMessages < 1) throw invalid('max_messages must be positive.');
  const config = broker.subscription(subscription);
  const queue = broker.queue(subscription);
  const leases = returnImmediately ? queue.lease(maxMessages) : await leaseSoon(queue, maxMessages);
  return { receivedMessages: leases.map((lease) => receivedMessage(lease, config)) };
}

/** google.pubsub.v1.ReceivedMessage; attempts are counted for those only who have a dead letter topic. */
export function receivedMessage(
  { ackId, message, attempt }: Lease,
  { deadLetterPolicy }: SubscriptionConfig,
) {
  const { data, publishTime } = message;
  return {
    ackId,
    message: { ...message, data: Buffer.from(data, 'base64'), publishTime: timestamp(publishTime) },
    deliveryAttempt: deadLetterPolicy ? attempt : 0,
  };
}

async function leaseSoon(queue: MessageQueue, maxMessages: number): Promise<Lease[]> {
  const signal = AbortSignal.timeout(MAX_WAIT_MS);
  for (;;) {
    const leases = queue.lease(maxMessages);
    if (leases.length > 0 || signal.aborted) return leases;
    await once(queue, 'change', { signal }).catch(() => undefined);
  }
}
