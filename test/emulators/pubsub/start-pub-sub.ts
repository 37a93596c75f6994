import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Faults } from '../faults.ts';
import { Broker, type Delivery } from './broker.ts';
import { serviceDefinition } from './grpc-service.ts';
import { MessageStore } from './message-store.ts';
import { publisherService } from './publisher-service.ts';
import { subscriberService } from './subscriber-service.ts';
import type { DeliveryTimes } from './subscription-config.ts';

/** The times given here hold for every subscription, whatever its own settings say. */
export interface PubSubOptions extends DeliveryTimes {
  /** A free one by default. */
  readonly port?: number;
  /** Where topics, subscriptions and undelivered messages survive a restart; by default they go with `close`. */
  readonly dataFolder?: string;
  /**
   * Subscriptions that survived wait for a new push endpoint: who listened at the old one may be gone, and somebody else
   * be there. By default they push on.
   */
  readonly forgetsPushEndpoints?: boolean;
  readonly faults?: Faults;
}

export interface PubSubStandIn {
  /** What PUBSUB_EMULATOR_HOST wants: 127.0.0.1:PORT. */
  readonly host: string;
  /**
   * Calls are named `pubsub.Publish`, `pubsub.CreateTopic` …, with gRPC statuses; and `pubsub.push` for one delivery
   * to a push endpoint, with HTTP statuses: held, other messages overtake it; failed after its effect, it comes twice.
   */
  readonly faults: Faults;
  /** The latest deliveries that ended, in the order of their ends. */
  readonly deliveries: readonly Delivery[];
  /** The next so many published messages reach every subscription twice, at the same time, under one message id. */
  deliverTwice(messages: number): void;
  /** Resolves when no message waits, is under way, or waits for another attempt, in any subscription. */
  idle(): Promise<void>;
  /** Stops deliveries and breaks off calls under way. Safe to repeat. */
  close(): Promise<void>;
}

/** More than Pub/Sub accepts, so that the refusal of a larger request is Pub/Sub's and not gRPC's. */
const MAX_REQUEST_BYTES = 20 * 1024 * 1024;

/** Starts a stand-in for Cloud Pub/Sub, for Google's own client. It checks no credentials. Throws EADDRINUSE. */
export async function startPubSub(options: PubSubOptions = {}): Promise<PubSubStandIn> {
  const { port = 0, faults = new Faults(), dataFolder, forgetsPushEndpoints = false } = options;
  const { minBackoffMs, maxBackoffMs, ackDeadlineMs } = options;
  await assertFree(port);
  const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES });
  const folder = dataFolder ?? (await mkdtemp(join(tmpdir(), 'pubsub-')));
  const broker = new Broker({
    store: new MessageStore(folder),
    forgetsPushEndpoints,
    faults,
    times: { minBackoffMs, maxBackoffMs, ackDeadlineMs },
  });
  server.addService(serviceDefinition('Publisher'), publisherService(broker, faults));
  server.addService(serviceDefinition('Subscriber'), subscriberService(broker, faults));
  const bind = promisify(server.bindAsync.bind(server));
  const boundPort = await bind(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
  let closed = false;
  return {
    host: `127.0.0.1:${boundPort}`,
    faults,
    deliveries: broker.deliveries,
    deliverTwice: (messages) => broker.deliverTwice(messages),
    idle: () => broker.idle(),
    close: async () => {
      if (closed) return;
      closed = true;
      broker.close();
      server.forceShutdown();
      if (dataFolder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Throws Node's own error if the port is taken; gRPC would throw one without a code, and log another. */
async function assertFree(port: number): Promise<void> {
  const probe = createServer().listen(port, '127.0.0.1');
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
