import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

export interface GrpcServer {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Breaks off all calls. Safe to repeat. */
  stop(): void;
}

export type GrpcServices = readonly {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}[];

/** Serves services on 127.0.0.1 without encryption; port 0 stands for a free port, any other must be free: see assertPortFree. */
export async function serveGrpc(
  services: GrpcServices,
  { port, maxRequestBytes }: { port: number; maxRequestBytes: number },
): Promise<GrpcServer> {
  const server = createGrpcServer(services, maxRequestBytes);
  const bind = promisify(server.bindAsync.bind(server));
  const boundPort = await bind(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
  return { host: `127.0.0.1:${boundPort}`, stop: () => server.forceShutdown() };
}

/** A server that does not listen yet. */
export function createGrpcServer(services: GrpcServices, maxRequestBytes: number): Server {
  const server = new Server({ 'grpc.max_receive_message_length': maxRequestBytes });
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  return server;
}

/** @throws EADDRINUSE. gRPC itself would throw an error without a code, and log another one. */
export async function assertPortFree(port: number): Promise<void> {
  const probe = createServer().listen(port, '127.0.0.1');
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
