import type { Broker } from './broker.ts';
import { timestamp } from './message.ts';
import type { Lease } from './message-queue.ts';
import { invalid } from './pub-sub-error.ts';

export interface PullRequest {
  subscription: string;
  maxMessages: number;
}

/**
 * Answers at once with the messages that are ready, perhaps none.
 * https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.PullRequest
 */
export function pull(broker: Broker, { subscription, maxMessages }: PullRequest) {
  if (maxMessages < 1) throw invalid('max_messages must be positive.');
  return { receivedMessages: broker.queue(subscription).lease(maxMessages).map(receivedMessage) };
}

/** google.pubsub.v1.ReceivedMessage */
function receivedMessage({ ackId, message }: Lease) {
  const { data, publishTime } = message;
  return {
    ackId,
    message: { ...message, data: Buffer.from(data, 'base64'), publishTime: timestamp(publishTime) },
  };
}
