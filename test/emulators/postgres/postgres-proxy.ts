import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Fault, FaultError, Faults } from '../faults.ts';
import { statementName } from './statement-name.ts';
import {
  fatalError,
  MessageReader,
  openingParameters,
  queryMessage,
  statementOf,
  type WireMessage,
} from './wire-messages.ts';

export interface PostgresProxy {
  /**
   * Each statement is a call, named by the side of its database and its first words: `control: update etl.lease set`. Other calls are
   * `control: connect`, and `control: copy done` for the end of the data of a COPY FROM. The status of a fault is an SQLSTATE; like the
   * server, the proxy ends the connection for the classes 08, 28, 53 and 57P.
   */
  readonly faults: Faults;
  /** The address of the same database behind the proxy. */
  url(databaseUrl: string): string;
  /** Ends all connections, as if the process of the client had ended. Held calls stay held. */
  dropConnections(): void;
  close(): Promise<void>;
}

/**
 * Starts a proxy in front of the PostgreSQL server at `port` of this machine, without encryption, whose statements meet scripted faults.
 * `sideOf` gives the first part of call names for a database.
 */
export async function startPostgresProxy({
  port: serverPort,
  sideOf,
}: {
  port: number;
  sideOf: (database: string) => string;
}): Promise<PostgresProxy> {
  const faults = new Faults();
  const clients = new Set<Socket>();
  const proxy = createServer((client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    new Connection(client, connect(serverPort, '127.0.0.1'), faults, sideOf);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const { port } = proxy.address() as AddressInfo;
  const dropConnections = () => {
    for (const client of clients) client.destroy();
  };
  return {
    faults,
    url: (databaseUrl) => {
      const url = new URL(databaseUrl);
      url.host = `127.0.0.1:${port}`;
      return url.href;
    },
    dropConnections,
    close: async () => {
      const closed = once(proxy, 'close');
      proxy.close();
      dropConnections();
      await closed;
    },
  };
}

/** The server ends the connection after errors of these classes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const ENDS_CONNECTION = /^(08|28|53|57P)/;

/**
 * One client and its connection to the server. Calls run one after the other: each ends with ReadyForQuery, or with CopyInResponse if the
 * server wants data (https://www.postgresql.org/docs/current/protocol-flow.html). A call that has begun runs to its end, even without
 * its client.
 */
class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #faults: Faults;
  readonly #sideOf: (database: string) => string;
  #side = '';
  #statement = '';
  /** The messages of an incomplete call. */
  #parts: Buffer[] = [];
  /** Resolves with the answer to the last call. */
  #answered = Promise.resolve();
  #answer: (() => void) | undefined;
  #isMuted = false;

  constructor(client: Socket, server: Socket, faults: Faults, sideOf: (database: string) => string) {
    this.#client = client;
    this.#server = server;
    this.#faults = faults;
    this.#sideOf = sideOf;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // The close event follows.
      socket.on('error', () => undefined);
    }
    server.once('close', () => {
      this.#answer?.();
      client.destroy();
    });
    this.#listen();
    void this.#serve();
  }

  /** Ends when the client is gone and its last call is complete. */
  async #serve(): Promise<void> {
    const reader = new MessageReader('opening');
    try {
      for await (const chunk of this.#client.iterator({ destroyOnReturn: false })) {
        for (const message of reader.read(chunk)) await this.#take(message);
      }
    } catch {
      // The client is gone.
    }
    await this.#answered;
    this.#server.destroy();
  }

  async #take(message: WireMessage): Promise<void> {
    this.#parts.push(message.bytes);
    switch (message.type) {
      case '': {
        this.#side = this.#sideOf(openingParameters(message).get('database') ?? '');
        return await this.#call('connect');
      }
      case 'P':
        return this.#name(message);
      case 'Q':
        this.#name(message);
        return await this.#call(this.#statement);
      case 'S':
        return await this.#call(this.#statement);
      case 'c':
      case 'f':
        return await this.#call('copy done');
      // Messages of a login, of a COPY FROM, and of the end of the connection.
      case 'p':
      case 'd':
      case 'X':
        return this.#forward();
    }
  }

  #name(message: WireMessage): void {
    this.#statement = statementName(statementOf(message), this.#statement);
  }

  /** Sends the call to the server, under its fault. */
  async #call(name: string): Promise<void> {
    await this.#answered;
    const fault = this.#faults.take(`${this.#side}: ${name}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#answered = promise;
    this.#answer = resolve;
    try {
      await fault?.before?.();
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      return this.#refuse(error);
    }
    if (fault?.after) {
      this.#isMuted = name !== 'connect';
      this.#answered = this.#loseAnswer(promise, fault);
    }
    this.#forward();
  }

  async #loseAnswer(effect: Promise<void>, fault: Fault): Promise<void> {
    await effect;
    await fault.beforeAnswer?.();
    this.#client.destroy();
  }

  #refuse({ answer, message }: FaultError): void {
    this.#parts = [];
    const state = answer.kind === 'drop' ? undefined : String(answer.status);
    if (state === undefined || ENDS_CONNECTION.test(state)) {
      if (state !== undefined) this.#client.end(fatalError(state, message));
      else this.#client.destroy();
      this.#answer?.();
      this.#server.destroy();
      return;
    }
    // The server itself raises the error, so that its transaction fails, too.
    this.#server.write(
      queryMessage(`do $$ begin raise exception '${message}' using errcode = '${state}'; end $$`),
    );
  }

  #forward(): void {
    this.#server.write(Buffer.concat(this.#parts));
    this.#parts = [];
  }

  /** Sends the messages of the server to the client, and notices the end of each answer. */
  #listen(): void {
    const reader = new MessageReader('typed');
    this.#server.on('data', (chunk) => {
      if (!this.#isMuted && !this.#client.destroyed && !this.#client.write(chunk)) this.#server.pause();
      for (const { type } of reader.read(chunk)) {
        if (type === 'Z' || type === 'G') this.#answer?.();
      }
    });
    this.#client.on('drain', () => this.#server.resume());
    this.#client.on('close', () => this.#server.resume());
  }
}
