import type { Faults } from '../../emulators/faults.ts';
import { type PostgresProxy, startPostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { Stack } from '../../support/stack.ts';
import { World } from './world.ts';

/** Views with statistics are copied in slices, one after another, so that each run makes the same calls. */
const SLICES = { SLICE_ROWS: '2', MAX_SLICES: '1' };

/** The servers whose calls can be made to fail. */
export type Server = 'postgres' | 'storage' | 'bigquery' | 'pubsub';

/**
 * An environment that receives one fault at a time: its own servers, and a proxy in front of PostgreSQL. The environment variables of
 * the process hold the addresses of the servers, so that each process can have only one lane.
 */
export class Lane {
  readonly #stack: Stack;
  readonly #proxy: PostgresProxy;

  private constructor(stack: Stack, proxy: PostgresProxy) {
    this.#stack = stack;
    this.#proxy = proxy;
  }

  static async start(): Promise<Lane> {
    const stack = await new Stack().start();
    const sideOf = (database: string) => (database.startsWith('control') ? 'control' : 'source');
    return new Lane(stack, await startPostgresProxy({ port: stack.postgres.port, sideOf }));
  }

  get faults(): Record<Server, Faults> {
    return {
      postgres: this.#proxy.faults,
      storage: this.#stack.storage.faults,
      bigquery: this.#stack.bigquery.faults,
      pubsub: this.#stack.pubsub.faults,
    };
  }

  clearFaults(): void {
    for (const faults of Object.values(this.faults)) faults.clear();
  }

  /** Breaks the database connections that ended processes have left behind. */
  dropConnections(): void {
    this.#proxy.dropConnections();
  }

  /** Creates an installation of the functions without any batch. */
  async install(): Promise<World> {
    const installation = await this.#stack.install({ views: [STREAMED_ENTRY], settings: SLICES });
    return new World(installation, this.#proxy);
  }

  async stop(): Promise<void> {
    await this.#proxy.close();
    await this.#stack.stop();
  }
}
