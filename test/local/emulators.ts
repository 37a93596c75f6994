import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { type Ports, portOf } from './ports.ts';

/** Addresses of the three Google services, in the form that their clients' environment variables have. */
export interface Endpoints {
  pubsubHost: string;
  storageUrl: string;
  bigqueryUrl: string;
  /** The Storage Write API: `127.0.0.1:9060`. */
  bigqueryStorageHost: string;
}

/** Which emulators emulators-process.ts starts, and how. It does not start a service that has an external address. */
export interface EmulatorsRequest {
  folders: { pubsub: string; storage: string; bigquery: string };
  ports: { pubsub: number; storage: number; bigquery: number; bigqueryStorage: number };
  external: Partial<Endpoints>;
}

const PORTS = { pubsub: 8085, storage: 9023, bigquery: 9050, bigqueryStorage: 9060 };
const ANY_PORTS = { pubsub: 0, storage: 0, bigquery: 0, bigqueryStorage: 0 };

/** Where each emulator keeps its data. */
export const emulatorFolders = (dataFolder: string): EmulatorsRequest['folders'] => ({
  pubsub: join(dataFolder, 'pubsub'),
  storage: join(dataFolder, 'storage'),
  bigquery: join(dataFolder, 'bigquery'),
});

/**
 * Starts the emulators of Pub/Sub, Cloud Storage and BigQuery in one process, except for services for which the
 * environment has an address.
 */
export async function startEmulators(options: {
  dataFolder: string;
  anyPort: boolean;
  /** Preferred to the documented ones. */
  ports: Ports;
  env: Record<string, string | undefined>;
  onLine: (line: string) => void;
}): Promise<Child<Endpoints>> {
  const { PUBSUB_EMULATOR_HOST, STORAGE_EMULATOR_HOST } = options.env;
  const { BIGQUERY_EMULATOR_HOST, BIGQUERY_STORAGE_EMULATOR_HOST } = options.env;
  const request: EmulatorsRequest = {
    folders: emulatorFolders(options.dataFolder),
    ports: options.anyPort ? ANY_PORTS : { ...PORTS, ...options.ports },
    external: {
      ...(PUBSUB_EMULATOR_HOST && { pubsubHost: PUBSUB_EMULATOR_HOST }),
      ...(STORAGE_EMULATOR_HOST && { storageUrl: STORAGE_EMULATOR_HOST }),
      ...(BIGQUERY_EMULATOR_HOST && { bigqueryUrl: BIGQUERY_EMULATOR_HOST }),
      ...(BIGQUERY_STORAGE_EMULATOR_HOST && { bigqueryStorageHost: BIGQUERY_STORAGE_EMULATOR_HOST }),
    },
  };
  return await startChild<Endpoints>({
    name: 'the emulators of Pub/Sub, Cloud Storage and BigQuery',
    program: new URL('emulators-process.ts', import.meta.url),
    args: [JSON.stringify(request)],
    onLine: options.onLine,
  });
}

/** The ports of the emulators that run, without services elsewhere. */
export function emulatorPorts(
  { pubsubHost, storageUrl, bigqueryUrl, bigqueryStorageHost }: Endpoints,
  env: Record<string, string | undefined>,
): Ports {
  return {
    ...(!env.PUBSUB_EMULATOR_HOST && { pubsub: portOf(pubsubHost) }),
    ...(!env.STORAGE_EMULATOR_HOST && { storage: portOf(storageUrl) }),
    ...(!env.BIGQUERY_EMULATOR_HOST && {
      bigquery: portOf(bigqueryUrl),
      bigqueryStorage: portOf(bigqueryStorageHost),
    }),
  };
}
