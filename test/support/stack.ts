import { readFile } from 'node:fs/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { PubSub } from '@google-cloud/pubsub';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import pg from 'pg';
import { type BigQueryStandIn, startBigQuery } from '../emulators/bigquery/start-big-query.ts';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { type PubSubStandIn, startPubSub } from '../emulators/pubsub/start-pub-sub.ts';
import { type StorageStandIn, startStorage } from '../emulators/storage/start-storage.ts';
import { Installation } from './installation.ts';
import { Mailbox } from './mailbox.ts';

export const LOCATION = 'EU';
export const DATASETS = { temp: 'SMartData_Temp', target: 'SMartDataAnalytics', view: 'View_SMartData' };
export const READER = { name: 'reader', password: 'hunter2' };

/** All servers that the functions need, for the tests of one file; each test gets an installation of its own in them. */
export class Stack {
  readonly postgres: Postgres;
  readonly storage: StorageStandIn;
  readonly pubsub: PubSubStandIn;
  readonly bigquery: BigQueryStandIn;
  readonly #pools: pg.Pool[] = [];
  readonly #closing: (() => Promise<void>)[] = [];
  #installations = 0;

  private constructor(servers: Pick<Stack, 'postgres' | 'storage' | 'pubsub' | 'bigquery'>) {
    this.postgres = servers.postgres;
    this.storage = servers.storage;
    this.pubsub = servers.pubsub;
    this.bigquery = servers.bigquery;
    Object.assign(process.env, this.endpoints());
  }

  static async start(): Promise<Stack> {
    const [postgres, storage, pubsub] = await Promise.all([
      // Pools of installations that are left keep their connections for a while.
      startPostgres({ settings: { max_connections: '300' } }),
      startStorage(),
      startPubSub({ minBackoffMs: 10, maxBackoffMs: 50 }),
    ]);
    const bigquery = await startBigQuery({ storageEndpoint: storage.url });
    const stack = new Stack({ postgres, storage, pubsub, bigquery });
    const server = stack.connect(postgres.url());
    await server.query(`create role ${READER.name} login password '${READER.password}'`);
    await postgres.createDatabase('sample');
    const sample = stack.connect(postgres.url('sample'));
    await sample.query(await readFile(new URL('source.sql', import.meta.url), 'utf8'));
    await sample.end();
    return stack;
  }

  /**
   * A source with its control database, bucket, topics and datasets, which nobody else uses, and the configuration imported.
   * `settings` are environment variables beside those that it needs.
   */
  async install(settings: Record<string, string> = {}): Promise<Installation> {
    this.#installations += 1;
    const n = this.#installations;
    const databases = { source: `source_${n}`, control: `control_${n}` };
    const server = this.connect(this.postgres.url());
    await server.query(`create database ${databases.source} template sample`);
    await server.query(`create database ${databases.control}`);
    // A project of its own: job ids are names within a project, and the numbers of every installation begin at 1.
    const projectId = `smart-project-${n}`;
    const authClient = new PassThroughClient();
    const bigquery = new BigQuery({ projectId, location: LOCATION, authClient });
    const storage = new Storage({ projectId, authClient });
    const pubsub = new PubSub({ projectId });
    this.#closing.push(() => pubsub.close());
    const [bucket] = await storage.createBucket(`staging-${n}`, { location: LOCATION });
    for (const dataset of Object.values(DATASETS))
      await bigquery.createDataset(dataset, { location: LOCATION });
    const mailboxes = {
      extract: await this.#mailbox(pubsub, 'cdc-extract'),
      merge: await this.#mailbox(pubsub, 'cdc-merge'),
      stream: await this.#mailbox(pubsub, 'cdc-stream'),
      deadLetter: await this.#mailbox(pubsub, 'cdc-dead-letter'),
    };
    return await Installation.create({
      env: {
        GOOGLE_CLOUD_PROJECT: projectId,
        SOURCE_DATABASE_URL: this.postgres.url(databases.source, READER.name, READER.password),
        CONTROL_DATABASE_URL: this.postgres.url(databases.control),
        STAGING_BUCKET: bucket.name,
        BIGQUERY_LOCATION: LOCATION,
        LOG_LEVEL: 'fatal',
        ...settings,
      },
      sourceDatabase: databases.source,
      source: this.connect(this.postgres.url(databases.source)),
      control: this.connect(this.postgres.url(databases.control)),
      bigquery,
      bucket,
      pubsub,
      mailboxes,
    });
  }

  /** The same source and warehouse with a control database that knows nothing of them yet. */
  async withNewControl(installation: Installation): Promise<Installation> {
    this.#installations += 1;
    const name = `control_${this.#installations}`;
    await this.connect(this.postgres.url()).query(`create database ${name}`);
    return await Installation.create({
      ...installation.parts,
      env: { ...installation.parts.env, CONTROL_DATABASE_URL: this.postgres.url(name) },
      control: this.connect(this.postgres.url(name)),
    });
  }

  /** Connections of a superuser, until the stack stops. */
  connect(url: string): pg.Pool {
    const pool = new pg.Pool({ connectionString: url, max: 3 });
    pool.on('error', () => undefined);
    this.#pools.push(pool);
    return pool;
  }

  /** Forgets scripted faults and remembered calls. */
  clearFaults(): void {
    for (const { faults } of [this.storage, this.pubsub, this.bigquery]) faults.clear();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
    await Promise.all(this.#pools.filter((pool) => !pool.ended).map((pool) => pool.end()));
    await Promise.all([this.bigquery.close(), this.pubsub.close(), this.postgres.stop()]);
    await this.storage.close();
    for (const name of Object.keys(this.endpoints())) delete process.env[name];
  }

  async #mailbox(pubsub: PubSub, topic: string): Promise<Mailbox> {
    const mailbox = await Mailbox.of(pubsub, topic);
    this.#closing.push(() => mailbox.close());
    return mailbox;
  }

  /** The variables by which the functions find the stand-ins. */
  endpoints(): Record<string, string> {
    return {
      BIGQUERY_EMULATOR_HOST: this.bigquery.url,
      BIGQUERY_STORAGE_EMULATOR_HOST: this.bigquery.writeHost,
      STORAGE_EMULATOR_HOST: this.storage.url,
      PUBSUB_EMULATOR_HOST: this.pubsub.host,
      METADATA_SERVER_DETECTION: 'none',
    };
  }
}
