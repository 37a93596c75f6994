import { invalid, PubSubError } from './pub-sub-error.ts';

interface Duration {
  readonly seconds: string;
  readonly nanos: number;
}

/** google.pubsub.v1.Subscription, as far as this stand-in acts by it; other fields are kept and given back. */
export interface SubscriptionConfig {
  readonly name: string;
  readonly topic: string;
  /** Without an endpoint the subscription is pulled. */
  readonly pushConfig: { readonly pushEndpoint: string } | null;
  readonly ackDeadlineSeconds: number;
  readonly retryPolicy: {
    readonly minimumBackoff: Duration | null;
    readonly maximumBackoff: Duration | null;
  } | null;
  readonly deadLetterPolicy: {
    readonly deadLetterTopic: string;
    readonly maxDeliveryAttempts: number;
  } | null;
  readonly filter: string;
}

/** What a test may set shorter than Pub/Sub allows, for every subscription. */
export interface DeliveryTimes {
  readonly minBackoffMs?: number | undefined;
  readonly maxBackoffMs?: number | undefined;
  readonly ackDeadlineMs?: number | undefined;
}

export interface DeliveryPolicy {
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly ackDeadlineMs: number;
}

/** Of a retry policy that leaves them out. */
const POLICY_BACKOFF_MS = { minBackoffMs: 10_000, maxBackoffMs: 600_000 };
/** Of a subscription without a retry policy: what Pub/Sub's documentation says of push back-off. */
const DEFAULT_BACKOFF_MS = { minBackoffMs: 100, maxBackoffMs: 60_000 };
const DEFAULT_ACK_DEADLINE_SECONDS = 10;
const DEFAULT_DELIVERY_ATTEMPTS = 5;

/** Fills in what Pub/Sub fills in, and throws INVALID_ARGUMENT for what it refuses. */
export function checkedSubscription(config: SubscriptionConfig): SubscriptionConfig {
  const ackDeadlineSeconds = config.ackDeadlineSeconds || DEFAULT_ACK_DEADLINE_SECONDS;
  if (ackDeadlineSeconds < 10 || ackDeadlineSeconds > 600) {
    throw invalid(`Invalid ack deadline: ${ackDeadlineSeconds} seconds; it must be from 10 to 600.`);
  }
  if (config.filter !== '') {
    throw new PubSubError('UNIMPLEMENTED', 'This stand-in delivers every message: it has no filters.');
  }
  const endpoint = config.pushConfig?.pushEndpoint ?? '';
  if (endpoint !== '' && !URL.canParse(endpoint)) throw invalid(`Invalid push endpoint: ${endpoint}`);
  return { ...config, ackDeadlineSeconds, deadLetterPolicy: checkedDeadLetterPolicy(config) };
}

/** How long this subscription waits for an acknowledgement, and between two deliveries of a message. */
export function deliveryPolicy(config: SubscriptionConfig, times: DeliveryTimes): DeliveryPolicy {
  const { retryPolicy } = config;
  const unset = retryPolicy ? POLICY_BACKOFF_MS : DEFAULT_BACKOFF_MS;
  return {
    minBackoffMs: times.minBackoffMs ?? milliseconds(retryPolicy?.minimumBackoff) ?? unset.minBackoffMs,
    maxBackoffMs: times.maxBackoffMs ?? milliseconds(retryPolicy?.maximumBackoff) ?? unset.maxBackoffMs,
    ackDeadlineMs: times.ackDeadlineMs ?? config.ackDeadlineSeconds * 1000,
  };
}

/** Doubles with every failed attempt, the first being 1. */
export function backoffMs({ minBackoffMs, maxBackoffMs }: DeliveryPolicy, attempt: number): number {
  return Math.min(minBackoffMs * 2 ** (attempt - 1), maxBackoffMs);
}

function checkedDeadLetterPolicy({
  deadLetterPolicy,
}: SubscriptionConfig): SubscriptionConfig['deadLetterPolicy'] {
  if (!deadLetterPolicy) return null;
  const maxDeliveryAttempts = deadLetterPolicy.maxDeliveryAttempts || DEFAULT_DELIVERY_ATTEMPTS;
  if (maxDeliveryAttempts < 5 || maxDeliveryAttempts > 100) {
    throw invalid(`Invalid number of delivery attempts: ${maxDeliveryAttempts}; it must be from 5 to 100.`);
  }
  return { ...deadLetterPolicy, maxDeliveryAttempts };
}

function milliseconds(duration: Duration | null | undefined): number | undefined {
  return duration ? Number(duration.seconds) * 1000 + duration.nanos / 1_000_000 : undefined;
}
