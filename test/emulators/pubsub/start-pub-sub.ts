import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Faults } from '../faults.ts';
import { assertPortFree } from '../serve-grpc.ts';
import { serveGrpcAndHttp } from '../serve-grpc-and-http.ts';
import { Broker } from './broker.ts';
import { serviceDefinition } from './grpc-service.ts';
import { MessageStore } from './message-store.ts';
import { publisherService } from './publisher-service.ts';
import { restApp } from './rest-app.ts';
import { subscriberService } from './subscriber-service.ts';
import type { DeliveryTimes } from './subscription-config.ts';

/** The delivery times given here hold for every subscription, whatever its own settings are. */
export interface PubSubOptions extends DeliveryTimes {
  /** Default: a free port. */
  readonly port?: number;
  /** Keeps topics, subscriptions and undelivered messages for the next start. Default: `close` removes everything. */
  readonly dataFolder?: string;
  /**
   * Subscriptions of an earlier start deliver nothing until they get a new push endpoint: another program may listen at the old
   * address. Default: they go on pushing.
   */
  readonly forgetsPushEndpoints?: boolean;
  readonly faults?: Faults;
}

export interface PubSubStandIn {
  /** For PUBSUB_EMULATOR_HOST: 127.0.0.1:PORT. */
  readonly host: string;
  /**
   * Calls are named `pubsub.Publish`, `pubsub.CreateTopic` …, whether they come by gRPC or by REST; a status may have the number or the name.
   * `pubsub.push` is one delivery to a push endpoint, with HTTP statuses: a held delivery lets other messages overtake it, one that fails after its effect arrives twice.
   */
  readonly faults: Faults;
  /** Resolves when every message of every subscription is acknowledged. */
  idle(): Promise<void>;
  /** Stops deliveries and breaks off calls under way. Safe to repeat. */
  close(): Promise<void>;
}

/** More than Pub/Sub accepts, so that the broker refuses a request that is too large, and not gRPC. */
const MAX_REQUEST_BYTES = 20 * 1024 * 1024;

/**
 * Starts the emulator of Cloud Pub/Sub on 127.0.0.1: gRPC for Google's own client, and at the same port the REST that the functions use. It
 * checks no credentials. @throws EADDRINUSE
 */
export async function startPubSub(options: PubSubOptions = {}): Promise<PubSubStandIn> {
  const { port = 0, faults = new Faults(), dataFolder, forgetsPushEndpoints = false } = options;
  const { minBackoffMs, maxBackoffMs, ackDeadlineMs } = options;
  // Before the broker, which delivers what it finds in the folder.
  await assertPortFree(port);
  const folder = dataFolder ?? (await mkdtemp(join(tmpdir(), 'pubsub-')));
  const broker = new Broker({
    store: new MessageStore(folder),
    forgetsPushEndpoints,
    faults,
    times: { minBackoffMs, maxBackoffMs, ackDeadlineMs },
  });
  const server = await serveGrpcAndHttp(
    [
      { definition: serviceDefinition('Publisher'), implementation: publisherService(broker, faults) },
      { definition: serviceDefinition('Subscriber'), implementation: subscriberService(broker, faults) },
    ],
    restApp(broker, faults),
    { port, maxRequestBytes: MAX_REQUEST_BYTES },
  );
  return {
    host: server.host,
    faults,
    idle: () => broker.idle(),
    close: async () => {
      broker.close();
      server.stop();
      if (dataFolder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
