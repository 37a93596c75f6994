import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Faults } from '../../faults.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { appendRowsCall } from './append-rows-call.ts';
import { getWriteStreamCall } from './get-write-stream-call.ts';
import { InFlight } from './in-flight.ts';
import { writeServiceDefinition } from './write-protocol.ts';

export interface WriteServer {
  /** 127.0.0.1:PORT */
  readonly host: string;
  /** Breaks off the connections, and resolves when no request is being written any more. Safe to repeat. */
  close(): Promise<void>;
}

/** More than BigQuery accepts, so that the refusal of a larger request is BigQuery's and not gRPC's. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Starts google.cloud.bigquery.storage.v1.BigQueryWrite, without encryption, as far as default streams need it; gRPC answers
 * UNIMPLEMENTED to the rest. Throws EADDRINUSE.
 */
export async function startWriteServer(options: {
  readonly port: number;
  readonly warehouse: Warehouse;
  readonly faults: Faults;
  readonly idleConnectionSeconds: number;
}): Promise<WriteServer> {
  const { port, ...shared } = options;
  await assertFree(port);
  const inFlight = new InFlight();
  const services = { ...shared, inFlight };
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  server.addService(writeServiceDefinition(), {
    appendRows: appendRowsCall(services),
    getWriteStream: getWriteStreamCall(services),
  });
  const bind = promisify(server.bindAsync.bind(server));
  const boundPort = await bind(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
  return {
    host: `127.0.0.1:${boundPort}`,
    close: async () => {
      server.forceShutdown();
      await inFlight.close();
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
