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
   * Each statement is a call named by its database's side and its first words, `control: update etl.lease set`; further calls are
   * `control: connect` and, for the end of the data of a COPY FROM, `control: copy done`. Faults take an SQLSTATE as their
   * status; those of the classes 08, 28, 53 and 57P end the connection, as the server does with them.
   */
  readonly faults: Faults;
  /** The same database by way of the proxy. */
  url(databaseUrl: string): string;
  /** Ends every connection, as the end of the process that has them would. Calls that are held stay so. */
  dropConnections(): void;
  close(): Promise<void>;
}

/**
 * Starts a proxy in front of the PostgreSQL server at `port` of this machine, whose connections meet scripted faults. It speaks
 * the protocol without encryption. `sideOf` names a database for the calls that go there.
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

/** Ended by the server itself when they happen. */
const ENDS_CONNECTION = /^(08|28|53|57P)/;

/**
 * One client and its connection to the server. Calls are carried out one after the other: the server answers each with
 * ReadyForQuery, or with CopyInResponse when it wants data. A call that began is carried out to its end, whatever becomes of the client.
 */
class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #faults: Faults;
  readonly #sideOf: (database: string) => string;
  #side = '';
  #statement = '';
  /** Messages of a call that is not complete yet. */
  #parts: Buffer[] = [];
  /** Settled when what was sent last is answered. */
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
      // What broke is seen by the close that follows.
      socket.on('error', () => undefined);
    }
    server.once('close', () => {
      this.#answer?.();
      client.destroy();
    });
    this.#listen();
    void this.#serve();
  }

  /** Ends with the client, once its last call is complete. */
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
      // Of a login, of a COPY FROM, and of the end.
      case 'p':
      case 'd':
      case 'X':
        return this.#forward();
    }
  }

  #name(message: WireMessage): void {
    this.#statement = statementName(statementOf(message), this.#statement);
  }

  /** Meets the call's fault, and sends it. */
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
    // The server itself refuses, so that its transaction is in the state that it would be in.
    this.#server.write(
      queryMessage(`do $$ begin raise exception '${message}' using errcode = '${state}'; end $$`),
    );
  }

  #forward(): void {
    this.#server.write(Buffer.concat(this.#parts));
    this.#parts = [];
  }

  /** Passes on what the server says, and notices the ends of its answers. */
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
