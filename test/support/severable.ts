import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a database that a test can cut and restore, at one address. */
export class Severable {
  readonly url: string;
  readonly #port: number;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;

  private constructor(server: Server, url: URL) {
    this.#server = server;
    this.#to = Number(url.port);
    this.#port = (server.address() as AddressInfo).port;
    url.host = `127.0.0.1:${this.#port}`;
    this.url = url.href;
    server.on('connection', (socket) => this.#join(socket));
  }

  static async to(databaseUrl: string): Promise<Severable> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Severable(server, new URL(databaseUrl));
  }

  /** Ends all connections and refuses new ones. */
  async sever(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async restore(): Promise<void> {
    this.#server = createServer((socket) => this.#join(socket)).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #join(client: Socket): void {
    const server = connect(this.#to, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
