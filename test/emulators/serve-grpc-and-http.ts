import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { createGrpcServer, type GrpcServer, type GrpcServices } from './serve-grpc.ts';
import { createHttpServer } from './serve-http.ts';

/** How a connection of HTTP/2 begins, and no request of HTTP/1: https://www.rfc-editor.org/rfc/rfc9113#section-3.4 */
const PREFACE = 'PRI';

/**
 * Serves gRPC and HTTP/1 at one port of 127.0.0.1, without encryption, as Google's emulator of Pub/Sub does; port 0 stands for a free port.
 * Only programs of this machine reach the application. @throws EADDRINUSE
 */
export async function serveGrpcAndHttp(
  services: GrpcServices,
  application: RequestListener,
  { port, maxRequestBytes }: { port: number; maxRequestBytes: number },
): Promise<GrpcServer> {
  const grpc = createGrpcServer(services, maxRequestBytes);
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const http = createHttpServer(application);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that breaks a connection off is none of our errors.
    socket.on('error', () => socket.destroy());
    whenBegun(socket, (beginning) => {
      if (beginning === PREFACE) injector.injectConnection(socket);
      else http.emit('connection', socket);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close();
      grpc.forceShutdown();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Calls back with the first bytes of a connection, as many as the preface has, which stay unread. */
function whenBegun(socket: Socket, begin: (beginning: string) => void): void {
  let seen = Buffer.alloc(0);
  const look = () => {
    seen = Buffer.concat([seen, (socket.read() as Buffer | null) ?? Buffer.alloc(0)]);
    if (seen.length < PREFACE.length) return;
    socket.off('readable', look);
    socket.unshift(seen);
    begin(seen.toString('latin1', 0, PREFACE.length));
  };
  socket.on('readable', look);
}
