import { join } from 'node:path';
import { type Child, startChild } from './child.ts';

/** Where the three Google services are reached; as their clients' environment variables want it. */
export interface Endpoints {
  pubsubHost: string;
  storageUrl: string;
  bigqueryUrl: string;
  /** Of the Storage Write API: `127.0.0.1:9060`. */
  bigqueryStorageHost: string;
}

/** What the program of the stand-ins is to start; a service with an address already runs elsewhere. */
export interface StandInsOrder {
  folders: { pubsub: string; storage: string; bigquery: string };
  ports: { pubsub: number; storage: number; bigquery: number; bigqueryStorage: number };
  elsewhere: Partial<Endpoints>;
}

const PORTS = { pubsub: 8085, storage: 9023, bigquery: 9050, bigqueryStorage: 9060 };
const ANY_PORTS = { pubsub: 0, storage: 0, bigquery: 0, bigqueryStorage: 0 };

/** Where each stand-in keeps its data. */
export const standInFolders = (dataFolder: string): StandInsOrder['folders'] => ({
  pubsub: join(dataFolder, 'pubsub'),
  storage: join(dataFolder, 'storage'),
  bigquery: join(dataFolder, 'bigquery'),
});

/**
 * Starts the stand-ins for Pub/Sub, Cloud Storage and BigQuery in one process of their own, except for those that the
 * environment says are elsewhere.
 */
export async function startStandIns(options: {
  dataFolder: string;
  anyPort: boolean;
  env: Record<string, string | undefined>;
  onLine: (line: string) => void;
}): Promise<Child<Endpoints>> {
  const { PUBSUB_EMULATOR_HOST, STORAGE_EMULATOR_HOST } = options.env;
  const { BIGQUERY_EMULATOR_HOST, BIGQUERY_STORAGE_EMULATOR_HOST } = options.env;
  const order: StandInsOrder = {
    folders: standInFolders(options.dataFolder),
    ports: options.anyPort ? ANY_PORTS : PORTS,
    elsewhere: {
      ...(PUBSUB_EMULATOR_HOST && { pubsubHost: PUBSUB_EMULATOR_HOST }),
      ...(STORAGE_EMULATOR_HOST && { storageUrl: STORAGE_EMULATOR_HOST }),
      ...(BIGQUERY_EMULATOR_HOST && { bigqueryUrl: BIGQUERY_EMULATOR_HOST }),
      ...(BIGQUERY_STORAGE_EMULATOR_HOST && { bigqueryStorageHost: BIGQUERY_STORAGE_EMULATOR_HOST }),
    },
  };
  return await startChild<Endpoints>({
    name: 'the stand-ins of Pub/Sub, Cloud Storage and BigQuery',
    program: new URL('stand-ins-process.ts', import.meta.url),
    args: [JSON.stringify(order)],
    onLine: options.onLine,
  });
}
