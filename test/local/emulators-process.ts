import type { EmulatorsRequest, Endpoints } from './emulators.ts';
import { onPreferredPort } from './preferred-port.ts';
import { serveParent } from './serve-parent.ts';

// Runs the emulators that the argument requests. It imports only those that it starts.
await serveParent(async () => {
  const { external, folders, ports }: EmulatorsRequest = JSON.parse(process.argv[2] ?? '');
  const closers: (() => Promise<void>)[] = [];

  const pubsub = async (): Promise<string> => {
    const { startPubSub } = await import('../emulators/pubsub/start-pub-sub.ts');
    const { host, close } = await onPreferredPort(ports.pubsub, (port) =>
      startPubSub({ port, dataFolder: folders.pubsub, forgetsPushEndpoints: true }),
    );
    closers.push(close);
    return host;
  };
  const storage = async (): Promise<string> => {
    const { startStorage } = await import('../emulators/storage/start-storage.ts');
    const { url, close } = await onPreferredPort(ports.storage, (port) =>
      startStorage({ port, dataFolder: folders.storage }),
    );
    closers.push(close);
    return url;
  };
  const bigquery = async (
    storageEndpoint: string,
  ): Promise<Pick<Endpoints, 'bigqueryUrl' | 'bigqueryStorageHost'>> => {
    const { bigqueryUrl, bigqueryStorageHost } = external;
    if (bigqueryUrl !== undefined && bigqueryStorageHost !== undefined) {
      return { bigqueryUrl, bigqueryStorageHost };
    }
    const { startBigQuery } = await import('../emulators/bigquery/start-big-query.ts');
    const { url, writeHost, close } = await onPreferredPort(ports.bigquery, (port) =>
      onPreferredPort(ports.bigqueryStorage, (writePort) =>
        startBigQuery({ port, writePort, dataFolder: folders.bigquery, storageEndpoint }),
      ),
    );
    closers.push(close);
    return { bigqueryUrl: url, bigqueryStorageHost: writeHost };
  };

  const storageUrl = external.storageUrl ?? (await storage());
  const [pubsubHost, bigqueryEndpoints] = await Promise.all([
    external.pubsubHost ?? pubsub(),
    bigquery(storageUrl),
  ]);
  const announcement: Endpoints = { pubsubHost, storageUrl, ...bigqueryEndpoints };
  return {
    announcement,
    stop: async () => {
      await Promise.all(closers.map((close) => close()));
    },
  };
});
