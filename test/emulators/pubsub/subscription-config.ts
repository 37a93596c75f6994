import { invalid, unsupported } from './pub-sub-error.ts';

interface Duration {
  readonly seconds: string;
  readonly nanos: number;
}

/** The fields of google.pubsub.v1.Subscription that the emulator acts on; it keeps and returns the other fields. */
export interface SubscriptionConfig {
  readonly name: string;
  readonly topic: string;
  /** Without an endpoint, clients pull the subscription. */
  readonly pushConfig: { readonly pushEndpoint: string } | null;
  readonly ackDeadlineSeconds: number;
  readonly retryPolicy: {
    readonly minimumBackoff: Duration | null;
    readonly maximumBackoff: Duration | null;
  } | null;
  readonly deadLetterPolicy: object | null;
  readonly enableMessageOrdering: boolean;
  readonly filter: string;
}

/** Times that replace those of every subscription. A test may set them shorter than Pub/Sub allows. */
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

/** https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.RetryPolicy */
const RETRY_POLICY_DEFAULTS = { minBackoffMs: 10_000, maxBackoffMs: 600_000 };
/** Without a retry policy: https://cloud.google.com/pubsub/docs/push#push_backoff */
const PUSH_BACKOFF = { minBackoffMs: 100, maxBackoffMs: 60_000 };
/** https://cloud.google.com/pubsub/docs/subscription-properties */
const ACK_DEADLINE_SECONDS = { min: 10, default: 10, max: 600 };

/** Fills in Pub/Sub's defaults. @throws PubSubError for a configuration that Pub/Sub or the emulator refuses. */
export function checkedSubscription(config: SubscriptionConfig): SubscriptionConfig {
  const { min, max } = ACK_DEADLINE_SECONDS;
  const ackDeadlineSeconds = config.ackDeadlineSeconds || ACK_DEADLINE_SECONDS.default;
  if (ackDeadlineSeconds < min || ackDeadlineSeconds > max) {
    throw invalid(`Invalid ack deadline: ${ackDeadlineSeconds} seconds; it must be from ${min} to ${max}.`);
  }
  if (config.filter !== '') throw unsupported('filters');
  if (config.deadLetterPolicy) throw unsupported('dead letter topics');
  if (config.enableMessageOrdering) throw unsupported('message ordering');
  const endpoint = config.pushConfig?.pushEndpoint ?? '';
  if (endpoint !== '' && !URL.canParse(endpoint)) throw invalid(`Invalid push endpoint: ${endpoint}`);
  return { ...config, ackDeadlineSeconds };
}

/** How long the subscription waits for an acknowledgement, and between two deliveries of a message. */
export function deliveryPolicy(config: SubscriptionConfig, times: DeliveryTimes): DeliveryPolicy {
  const { retryPolicy } = config;
  const defaults = retryPolicy ? RETRY_POLICY_DEFAULTS : PUSH_BACKOFF;
  return {
    minBackoffMs: times.minBackoffMs ?? milliseconds(retryPolicy?.minimumBackoff) ?? defaults.minBackoffMs,
    maxBackoffMs: times.maxBackoffMs ?? milliseconds(retryPolicy?.maximumBackoff) ?? defaults.maxBackoffMs,
    ackDeadlineMs: times.ackDeadlineMs ?? config.ackDeadlineSeconds * 1000,
  };
}

/**
 * The wait after a failed attempt, the first being 1. It grows exponentially; the factor is [not documented].
 * https://cloud.google.com/pubsub/docs/subscription-retry-policy
 */
export function backoffMs({ minBackoffMs, maxBackoffMs }: DeliveryPolicy, attempt: number): number {
  return Math.min(minBackoffMs * 2 ** (attempt - 1), maxBackoffMs);
}

function milliseconds(duration: Duration | null | undefined): number | undefined {
  return duration ? Number(duration.seconds) * 1000 + duration.nanos / 1_000_000 : undefined;
}
