import { BigQuery } from '@google-cloud/bigquery';
import { PubSub } from '@google-cloud/pubsub';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { withRequestTimeout } from '../../shared/google/request-timeout.ts';
import type { Endpoints } from './emulators.ts';
import type { RunningFunction } from './functions.ts';

/** Google's clients for the services that the stack uses. */
export interface Cloud {
  bigquery: BigQuery;
  pubsub: PubSub;
  storage: Storage;
}

export const PROJECT = 'smart-datahub-local';
export const LOCATION = 'EU';
export const BUCKET = 'smart-datahub-staging';
export const TARGET_DATASET = 'SMartDataAnalytics';
export const EXTRACT_TOPIC = 'cdc-extract';
export const RECONCILE_TOPIC = 'cdc-reconcile';

const DATASETS = ['SMartData_Temp', TARGET_DATASET, 'View_SMartData'];
const TOPICS = [EXTRACT_TOPIC, 'cdc-merge', 'cdc-stream', RECONCILE_TOPIC, 'cdc-dead-letter'];

const ANSWER_TIMEOUT_SECONDS = 60;

/** A batch may take as long as Pub/Sub allows a push to take. Pub/Sub redelivers a refused message sooner than in the cloud. */
const DELIVERY = {
  ackDeadlineSeconds: 600,
  retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 10 } },
};

/** @param url in the form of BIGQUERY_EMULATOR_HOST */
export function createBigQuery(url: string): BigQuery {
  return new BigQuery({
    projectId: PROJECT,
    location: LOCATION,
    apiEndpoint: url.replace(/\/bigquery\/v2\/?$/, ''),
    authClient: new PassThroughClient(),
  });
}

export function createCloud({ bigqueryUrl, pubsubHost, storageUrl }: Endpoints): Cloud {
  const authClient = new PassThroughClient();
  const storage = new Storage({ projectId: PROJECT, apiEndpoint: storageUrl, authClient });
  // Without this, STORAGE_EMULATOR_HOST would be the whole base: see shared/google/clients.ts.
  storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  return {
    bigquery: createBigQuery(bigqueryUrl),
    pubsub: new PubSub({ projectId: PROJECT, apiEndpoint: pubsubHost, emulatorMode: true }),
    storage,
  };
}

/**
 * Creates the bucket, the datasets and the topics, as Terraform does in the cloud. Safe to repeat.
 * Throws an error that names the service that refused.
 */
export async function createResources(
  { bigquery, pubsub, storage }: Cloud,
  { bigqueryUrl, pubsubHost, storageUrl }: Endpoints,
): Promise<void> {
  await Promise.all([
    namingService(`Cloud Storage at ${storageUrl}`, createBucket(storage)),
    ...DATASETS.map((name) =>
      namingService(
        `BigQuery at ${bigqueryUrl}`,
        bigquery.dataset(name, { location: LOCATION }).get({ autoCreate: true }),
      ),
    ),
    ...TOPICS.map((name) =>
      namingService(`Pub/Sub at ${pubsubHost}`, pubsub.topic(name).get({ autoCreate: true })),
    ),
  ]);
}

async function createBucket(storage: Storage): Promise<void> {
  const [exists] = await storage.bucket(BUCKET).exists();
  if (!exists) await storage.createBucket(BUCKET, { location: LOCATION });
}

/** The messages of Google's clients can be as short as "Not Found", and they wait very long for what never answers. */
async function namingService(service: string, call: Promise<unknown>): Promise<void> {
  await withRequestTimeout(ANSWER_TIMEOUT_SECONDS, call).catch((cause: unknown) => {
    throw new Error(`${service}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  });
}

/** Makes each function's subscription push to the function's current address. Safe to repeat. */
export async function subscribe(
  { pubsub }: Cloud,
  functions: Pick<RunningFunction, 'topic' | 'url'>[],
): Promise<void> {
  await Promise.all(
    functions.map(async ({ topic, url }) => {
      const subscription = pubsub.topic(topic).subscription(subscriptionOf(topic));
      const [exists] = await subscription.exists();
      if (exists) await subscription.modifyPushConfig({ pushEndpoint: url });
      else await subscription.create({ ...DELIVERY, pushEndpoint: url });
    }),
  );
}

/**
 * Stops the deliveries of a Pub/Sub that keeps running after the functions have stopped, because another program may listen
 * at their addresses next. A throwaway run deletes its subscriptions with their messages.
 */
export async function unsubscribe(
  { pubsub }: Cloud,
  functions: Pick<RunningFunction, 'topic' | 'url'>[],
  { isThrowaway }: { isThrowaway: boolean },
): Promise<void> {
  await Promise.all(
    functions.map(async ({ topic }) => {
      const subscription = pubsub.subscription(subscriptionOf(topic));
      if (isThrowaway) await subscription.delete();
      else await subscription.modifyPushConfig({});
    }),
  );
}

const subscriptionOf = (topic: string): string => `${topic}-push`;
