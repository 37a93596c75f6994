import type { Faults } from '../../faults.ts';
import { assertPortFree, serveGrpc } from '../../serve-grpc.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { appendRowsCall } from './append-rows-call.ts';
import { InFlight } from './in-flight.ts';
import type { KnownSchemas } from './known-schemas.ts';
import { writeServiceDefinition } from './write-protocol.ts';

export interface WriteServer {
  /** 127.0.0.1:PORT */
  readonly host: string;
  /** Breaks off the connections; resolves when no request is being written. Safe to repeat. */
  close(): Promise<void>;
}

/** More than BigQuery accepts, so that the emulator refuses a request that is too large, and not gRPC. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Starts google.cloud.bigquery.storage.v1.BigQueryWrite, without encryption: AppendRows to default streams. gRPC answers UNIMPLEMENTED to
 * other methods. @throws EADDRINUSE
 */
export async function startWriteServer(options: {
  readonly port: number;
  readonly warehouse: Warehouse;
  readonly schemas: KnownSchemas;
  readonly faults: Faults;
  readonly idleConnectionSeconds: number;
}): Promise<WriteServer> {
  const { port, ...shared } = options;
  await assertPortFree(port);
  const inFlight = new InFlight();
  const appendRows = appendRowsCall({ ...shared, inFlight });
  const server = await serveGrpc([{ definition: writeServiceDefinition(), implementation: { appendRows } }], {
    port,
    maxRequestBytes: MAX_MESSAGE_BYTES,
  });
  return {
    host: server.host,
    close: async () => {
      server.stop();
      await inFlight.close();
    },
  };
}
