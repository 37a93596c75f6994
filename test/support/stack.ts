import { readFile } from 'node:fs/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { PubSub } from '@google-cloud/pubsub';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import pg from 'pg';
import { migrate } from '../../shared/control/migrate.ts';
import type { ViewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { type BigQueryStandIn, startBigQuery } from '../emulators/bigquery/start-big-query.ts';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { type PubSubStandIn, startPubSub } from '../emulators/pubsub/start-pub-sub.ts';
import { type StorageStandIn, startStorage } from '../emulators/storage/start-storage.ts';
import { Installation, type Parts } from './installation.ts';
import { Mailbox } from './mailbox.ts';

export const LOCATION = 'EU';
export const DATASETS = { temp: 'SMartData_Temp', target: 'SMartDataAnalytics', view: 'View_SMartData' };
export const READER = { name: 'reader', password: 'hunter2' };

export type InstallationOptions = {
  /** Additional environment variables. */
  settings?: Record<string, string>;
  /** View sources in addition to ENTRIES. */
  views?: ViewSourceEntry[];
  /** The encoding of the source's database, with the locale C; UTF-8 by default. */
  encoding?: string;
};

const sourceSchema = () => readFile(new URL('source.sql', import.meta.url), 'utf8');

type Servers = {
  /** Connections to the server as superuser. */
  server: pg.Pool;
  postgres: Postgres;
  storage: StorageStandIn;
  pubsub: PubSubStandIn;
  bigquery: BigQueryStandIn;
};

/** All servers that the functions need, and any number of installations on them. */
export class Stack {
  #servers: Servers | undefined;
  readonly #pools: pg.Pool[] = [];
  readonly #closing = new Set<() => Promise<void>>();
  /** Copies of control databases just after the import of ENTRIES and of these views, from which later installations with the same views begin. */
  readonly #configured = new Map<string, string>();
  #installations = 0;

  async start(): Promise<this> {
    const [postgres, storage, pubsub] = await Promise.all([
      // The pools of closed installations keep their connections for a while.
      startPostgres({ settings: { max_connections: '300' } }),
      startStorage(),
      startPubSub({ minBackoffMs: 10, maxBackoffMs: 50 }),
    ]);
    const bigquery = await startBigQuery({ storageEndpoint: storage.url });
    this.#servers = { postgres, storage, pubsub, bigquery, server: this.connect(postgres.url()) };
    Object.assign(process.env, this.endpoints());
    await this.#server.query(`create role ${READER.name} login password '${READER.password}'`);
    const source = await sourceSchema();
    await this.#makeTemplate('sample', (pool) => pool.query(source));
    await this.#makeTemplate('control', migrate);
    return this;
  }

  /** Creates a template database. */
  async #makeTemplate(name: string, fill: (pool: pg.Pool) => Promise<unknown>): Promise<void> {
    await this.postgres.createDatabase(name);
    const pool = this.connect(this.postgres.url(name));
    await fill(pool);
    await pool.end();
  }

  get #server(): pg.Pool {
    return this.#running.server;
  }

  get #running(): Servers {
    if (this.#servers === undefined) throw new Error('the stack is not started');
    return this.#servers;
  }

  get postgres(): Postgres {
    return this.#running.postgres;
  }

  get storage(): StorageStandIn {
    return this.#running.storage;
  }

  get pubsub(): PubSubStandIn {
    return this.#running.pubsub;
  }

  get bigquery(): BigQueryStandIn {
    return this.#running.bigquery;
  }

  /** Creates an installation with its own source, control database, bucket, topics and datasets, and imports the configuration. */
  async install({ settings = {}, views = [], encoding }: InstallationOptions = {}): Promise<Installation> {
    this.#installations += 1;
    const n = this.#installations;
    const databases = { source: `source_${n}`, control: `control_${n}` };
    const configured = this.#configured.get(JSON.stringify(views));
    await Promise.all([
      this.#createSource(databases.source, encoding),
      this.#createControl(databases.control, configured),
    ]);
    // Each installation needs its own project: job ids are unique within a project, and every installation's batch ids begin at 1.
    const projectId = `smart-project-${n}`;
    const authClient = new PassThroughClient();
    const bigquery = new BigQuery({ projectId, location: LOCATION, authClient });
    const storage = new Storage({ projectId, authClient });
    storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
    const pubsub = new PubSub({ projectId });
    const [bucket] = await storage.createBucket(`staging-${n}`, { location: LOCATION });
    for (const dataset of Object.values(DATASETS))
      await bigquery.createDataset(dataset, { location: LOCATION });
    const mailboxes = {
      extract: await Mailbox.of(pubsub, 'cdc-extract'),
      merge: await Mailbox.of(pubsub, 'cdc-merge'),
      stream: await Mailbox.of(pubsub, 'cdc-stream'),
      reconcile: await Mailbox.of(pubsub, 'cdc-reconcile'),
      deadLetter: await Mailbox.of(pubsub, 'cdc-dead-letter'),
    };
    const sourceUrl = this.postgres.url(databases.source);
    const [source, control] = [this.connect(sourceUrl), this.connect(this.postgres.url(databases.control))];
    const close = async () => {
      if (!this.#closing.delete(close)) return;
      const clients = [pubsub, ...Object.values(mailboxes)];
      await Promise.all([source.end(), control.end(), ...clients.map((client) => client.close())]);
    };
    this.#closing.add(close);
    const parts: Parts = {
      env: {
        GOOGLE_CLOUD_PROJECT: projectId,
        SOURCE_DATABASE_URL: this.postgres.url(databases.source, READER.name, READER.password),
        CONTROL_DATABASE_URL: this.postgres.url(databases.control),
        STAGING_BUCKET: bucket.name,
        BIGQUERY_LOCATION: LOCATION,
        LOG_LEVEL: 'fatal',
        // Tests apply the batches for which a check waits.
        CHECK_WAIT_SECONDS: '0',
        CHECK_SETTLE_SECONDS: '0',
        ...settings,
      },
      sourceUrl,
      source,
      control,
      bigquery,
      bucket,
      pubsub,
      mailboxes,
      close,
      views,
    };
    if (configured !== undefined) return await Installation.of(parts);
    const installation = await Installation.create(parts);
    await this.#copyDatabase(databases.control, `configured_${n}`);
    this.#configured.set(JSON.stringify(views), `configured_${n}`);
    return installation;
  }

  /** Creates the database of a source: a copy of its template, or in another encoding than the template's. */
  async #createSource(name: string, encoding: string | undefined): Promise<void> {
    if (encoding === undefined) {
      await this.#server.query(`create database ${name} template sample`);
      return;
    }
    await this.#server.query(
      `create database ${name} template template0 encoding '${encoding}' locale_provider libc lc_collate 'C' lc_ctype 'C'`,
    );
    const pool = this.connect(this.postgres.url(name));
    await pool.query(await sourceSchema());
    await pool.end();
  }

  /** Returns the same source and warehouse with a new control database: the empty one at `url`, or one that is created here. */
  async withNewControl({ parts }: Installation, url?: string): Promise<Installation> {
    const controlUrl = url ?? (await this.#createControl(`control_${++this.#installations}`));
    return await Installation.create({
      ...parts,
      env: { ...parts.env, CONTROL_DATABASE_URL: controlUrl },
      control: this.connect(controlUrl),
    });
  }

  /** Like `withNewControl`, and an operator has resynced every view, so that their targets are taken over. */
  async takingOver(on: Installation): Promise<Installation> {
    const reborn = await this.withNewControl(on);
    const { viewSources, viewStops } = reborn.dependencies.control;
    for (const { name } of await viewSources.list()) {
      await viewStops.requestResync(name, { isWanted: true, acceptsDeletes: false });
    }
    return reborn;
  }

  /** Returns the same source and warehouse with a copy of the control database, as a backup that is restored elsewhere. */
  async withCopiedControl({ parts }: Installation): Promise<Installation> {
    this.#installations += 1;
    const [name, original] = [
      `control_${this.#installations}`,
      new URL(parts.control.options.connectionString ?? '').pathname.slice(1),
    ];
    await this.#copyDatabase(original, name);
    const controlUrl = this.postgres.url(name);
    const env = { ...parts.env, CONTROL_DATABASE_URL: controlUrl };
    return await Installation.of({ ...parts, env, control: this.connect(controlUrl) });
  }

  /** Creates a control database of a template, with an identity of its own. Returns its URL. */
  async #createControl(name: string, template = 'control'): Promise<string> {
    await this.#server.query(`create database ${name} template ${template}`);
    const pool = this.connect(this.postgres.url(name));
    await pool.query('update etl.installation set id = gen_random_uuid(), home = null');
    await pool.end();
    return this.postgres.url(name);
  }

  /** Ends all connections to a database, as it is copied only while nobody is connected to it, and copies it. */
  async #copyDatabase(original: string, copy: string): Promise<void> {
    await this.#server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      original,
    ]);
    await this.#server.query(`create database ${copy} template ${original}`);
  }

  /** Opens a pool as superuser, which the stack closes when it stops. */
  connect(url: string): pg.Pool {
    const pool = new pg.Pool({ connectionString: url, max: 3 });
    pool.on('error', () => undefined);
    this.#pools.push(pool);
    return pool;
  }

  /** Forgets all scripted faults and recorded calls. */
  clearFaults(): void {
    for (const { faults } of [this.storage, this.pubsub, this.bigquery]) faults.clear();
  }

  /** Resolves when no message is in delivery. Empties the mailboxes of the installation, because their messages would count as well. */
  async idle({ mailboxes }: Installation): Promise<void> {
    const emptying = setInterval(() => {
      for (const mailbox of Object.values(mailboxes)) void mailbox.take();
    }, 50);
    await this.pubsub.idle();
    clearInterval(emptying);
  }

  /** Registers a callback that runs before the servers stop. */
  onStop(close: () => Promise<void>): void {
    this.#closing.add(close);
  }

  async stop(): Promise<void> {
    if (this.#servers === undefined) return;
    await Promise.all([...this.#closing].map((close) => close()));
    await Promise.all(this.#pools.filter((pool) => !pool.ended).map((pool) => pool.end()));
    await Promise.all([this.bigquery.close(), this.pubsub.close(), this.postgres.stop()]);
    await this.storage.close();
    for (const name of Object.keys(this.endpoints())) delete process.env[name];
  }

  /** The environment variables through which the functions find the emulators. */
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
