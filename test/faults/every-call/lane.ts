import { readFile } from 'node:fs/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { PubSub } from '@google-cloud/pubsub';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import pg from 'pg';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { createDependencies } from '../../../shared/runtime/dependencies.ts';
import { type BigQueryStandIn, startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import type { Faults } from '../../emulators/faults.ts';
import { type PostgresProxy, startPostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { type PubSubStandIn, startPubSub } from '../../emulators/pubsub/start-pub-sub.ts';
import { type StorageStandIn, startStorage } from '../../emulators/storage/start-storage.ts';
import { Mailbox } from '../../support/mailbox.ts';
import { CONFIGURATION } from './views.ts';
import { World } from './world.ts';

const LOCATION = 'EU';
const DATASETS = ['SMartData_Temp', 'SMartDataAnalytics', 'View_SMartData'];
const SOURCE_SQL = new URL('../../support/source.sql', import.meta.url);

/** The role that reads the source, and its password. */
const READER = 'reader';

/** The servers whose calls can be made to fail. */
export type Server = 'postgres' | 'storage' | 'bigquery' | 'pubsub';

/**
 * Everything that one fault at a time is injected into: stand-ins of its own, and a proxy in front of a PostgreSQL server that
 * several lanes share. Their addresses are in the environment of the process or worker, which can have only one lane.
 */
export class Lane {
  readonly #name: string;
  readonly #server: pg.Pool;
  readonly #serverUrl: string;
  readonly #proxy: PostgresProxy;
  readonly #storage: StorageStandIn;
  readonly #pubsub: PubSubStandIn;
  readonly #bigquery: BigQueryStandIn;
  #worlds = 0;

  private constructor(
    name: string,
    serverUrl: string,
    servers: {
      proxy: PostgresProxy;
      storage: StorageStandIn;
      pubsub: PubSubStandIn;
      bigquery: BigQueryStandIn;
    },
  ) {
    this.#name = name;
    this.#serverUrl = serverUrl;
    this.#server = new pg.Pool({ connectionString: serverUrl, max: 2 });
    this.#proxy = servers.proxy;
    this.#storage = servers.storage;
    this.#pubsub = servers.pubsub;
    this.#bigquery = servers.bigquery;
  }

  /**
   * @param name no two lanes of a server have the same
   * @param serverUrl as superuser
   */
  static async start(name: string, serverUrl: string): Promise<Lane> {
    const port = Number(new URL(serverUrl).port);
    const sideOf = (database: string) => (database.startsWith('control') ? 'control' : 'source');
    const [proxy, storage, pubsub] = await Promise.all([
      startPostgresProxy({ port, sideOf }),
      startStorage(),
      startPubSub(),
    ]);
    const bigquery = await startBigQuery({ storageEndpoint: storage.url });
    const lane = new Lane(name, serverUrl, { proxy, storage, pubsub, bigquery });
    Object.assign(process.env, lane.#endpoints());
    await lane.#makeTemplates();
    return lane;
  }

  get faults(): Record<Server, Faults> {
    return {
      postgres: this.#proxy.faults,
      storage: this.#storage.faults,
      bigquery: this.#bigquery.faults,
      pubsub: this.#pubsub.faults,
    };
  }

  clearFaults(): void {
    for (const faults of Object.values(this.faults)) faults.clear();
  }

  /** Breaks the connections to the databases of processes that have ended. */
  dropConnections(): void {
    this.#proxy.dropConnections();
  }

  /** A new installation of the functions, with rows in its source and nothing extracted. */
  async install(): Promise<World> {
    this.#worlds += 1;
    const name = `${this.#name}_${this.#worlds}`;
    const [sourceUrl, controlUrl] = [
      await this.#copyDatabase('source', name),
      await this.#copyDatabase('control', name),
    ];
    // A project of its own: job ids are names within a project.
    const projectId = `faults-${name.replaceAll('_', '-')}`;
    const authClient = new PassThroughClient();
    const bigquery = new BigQuery({ projectId, location: LOCATION, authClient });
    const [bucket] = await new Storage({ projectId, authClient }).createBucket(`staging-${projectId}`, {
      location: LOCATION,
    });
    for (const dataset of DATASETS) await bigquery.createDataset(dataset, { location: LOCATION });
    const pubsub = new PubSub({ projectId });
    const mailboxes = {
      extract: await Mailbox.of(pubsub, 'cdc-extract'),
      deadLetter: await Mailbox.of(pubsub, 'cdc-dead-letter'),
      merge: await Mailbox.of(pubsub, 'cdc-merge'),
      stream: await Mailbox.of(pubsub, 'cdc-stream'),
    };
    await pubsub.close();
    const env = {
      GOOGLE_CLOUD_PROJECT: projectId,
      STAGING_BUCKET: bucket.name,
      BIGQUERY_LOCATION: LOCATION,
      LOG_LEVEL: 'fatal',
    };
    return await World.create({
      ...{ env, sourceUrl, controlUrl, bigquery, mailboxes },
      readerUrl: asReader(sourceUrl),
      proxied: this.#proxy.url,
    });
  }

  async stop(): Promise<void> {
    await this.#server.end();
    await Promise.all([this.#bigquery.close(), this.#pubsub.close(), this.#proxy.close()]);
    await this.#storage.close();
    for (const name of Object.keys(this.#endpoints())) delete process.env[name];
  }

  #endpoints(): Record<string, string> {
    return {
      BIGQUERY_EMULATOR_HOST: this.#bigquery.url,
      BIGQUERY_STORAGE_EMULATOR_HOST: this.#bigquery.writeHost,
      STORAGE_EMULATOR_HOST: this.#storage.url,
      PUBSUB_EMULATOR_HOST: this.#pubsub.host,
      METADATA_SERVER_DETECTION: 'none',
    };
  }

  /** Databases to copy: the sample application, and a control database with the configuration. */
  async #makeTemplates(): Promise<void> {
    const [sourceUrl, controlUrl] = await Promise.all([
      this.#createDatabase(`source_${this.#name}`),
      this.#createDatabase(`control_${this.#name}`),
    ]);
    const sample = new pg.Client(sourceUrl);
    await sample.connect();
    // Lanes share the server's roles; of two that are creating one at the same time, one sees a unique violation.
    await sample.query(
      `do $$ begin create role ${READER} login password '${READER}';
       exception when duplicate_object or unique_violation then null; end $$`,
    );
    await sample.query(await readFile(SOURCE_SQL, 'utf8'));
    await sample.end();
    const dependencies = await createDependencies({
      GOOGLE_CLOUD_PROJECT: 'template',
      SOURCE_DATABASE_URL: this.#proxy.url(asReader(sourceUrl)),
      CONTROL_DATABASE_URL: this.#proxy.url(controlUrl),
      STAGING_BUCKET: 'template',
      BIGQUERY_LOCATION: LOCATION,
      LOG_LEVEL: 'fatal',
    });
    await importConfiguration({ entries: CONFIGURATION }, dependencies);
    this.dropConnections();
  }

  async #copyDatabase(side: 'source' | 'control', name: string): Promise<string> {
    return await this.#createDatabase(`${side}_${name}`, `${side}_${this.#name}`);
  }

  async #createDatabase(name: string, template = 'template1'): Promise<string> {
    await this.#server.query(`create database ${name} template ${template}`);
    const url = new URL(this.#serverUrl);
    url.pathname = `/${name}`;
    return url.href;
  }
}

function asReader(databaseUrl: string): string {
  return Object.assign(new URL(databaseUrl), { username: READER, password: READER }).href;
}
