import { BigQuery } from '@google-cloud/bigquery';
import { managedwriter } from '@google-cloud/bigquery-storage';
import { credentials } from '@grpc/grpc-js';
import { PassThroughClient } from 'google-auth-library';
import type { TableShape } from '../../../shared/model/columns.ts';
import type { RowsUntil } from '../../../shared/warehouse/append-rows.ts';
import type { Attempt } from '../../../shared/warehouse/attempt.ts';
import { NO_EVOLUTION } from '../../../shared/warehouse/evolution.ts';
import { createRowEncoder } from '../../../shared/warehouse/row-encoder.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { createWarehouse, type Warehouse } from '../../../shared/warehouse/warehouse.ts';
import { type BigQueryStandIn, startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { inSeconds } from '../../support/deadline.ts';

const PROJECT = 'project-1';
const SHAPE: TableShape = {
  view: 'xyz_incident',
  target: 'incident',
  loadType: 'bq-storage-api',
  keyColumn: 'incident_id',
  columns: [
    { name: 'incident_id', type: 'INT64', mode: 'REQUIRED' },
    { name: 'inventory_id', type: 'INT64', mode: 'NULLABLE' },
    ...(['incident_type', 'service_type', 'severity', 'status'] as const).map(
      (name) => ({ name, type: 'STRING', mode: 'NULLABLE' }) as const,
    ),
    { name: 'open_datetime', type: 'TIMESTAMP', mode: 'NULLABLE' },
    { name: 'close_datetime', type: 'TIMESTAMP', mode: 'NULLABLE' },
    { name: 'incident_owner', type: 'STRING', mode: 'NULLABLE' },
  ],
};
const MESSAGE = streamMessage(SHAPE);
const NOTHING = Object.fromEntries(SHAPE.columns.map(({ name }) => [name, null]));
const ATTEMPT: Attempt = {
  view: SHAPE.view,
  target: SHAPE.target,
  etlTransactionId: 7n,
  token: 't',
  attempt: 1,
};

/** About 1 MB with its row, so that two rows fill a request. */
export const LONG = 'x'.repeat(1_000_000);

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** A deadline that no test reaches. */
export const soon = () => inSeconds(60);

/** The batch's rows, by their values and ordinals. */
const encoder = () =>
  createRowEncoder(MESSAGE, SHAPE, { etlTransactionId: 7n, updateAt: new Date('2026-01-01') });
export const upsert = (id: number, ordinal: number, incidentType: string | null = null): Uint8Array =>
  encoder().upsert({ ...NOTHING, incident_id: id, incident_type: incidentType }, ordinal);
export const remove = (id: number, ordinal: number): Uint8Array =>
  encoder().delete({ incident_id: id }, ordinal);

/** Rows 1 to `count`, one by one, and how many of them have been read so far. */
export function rows(count: number, incidentType: string | null = null) {
  const taken = { rows: 0 };
  async function* encoded() {
    for (let id = 1; id <= count; id += 1) {
      taken.rows += 1;
      yield [upsert(id, id, incidentType)];
    }
  }
  return { taken, encoded: encoded() };
}

/** Starts an emulator for the tests of a suite, with a new table `incident` for each of them. */
export function useAppends(options: { idleConnectionSeconds?: number } = {}) {
  let standIn: BigQueryStandIn;
  let bigquery: BigQuery;
  let warehouse: Warehouse;
  let datasets = 0;
  const clients: managedwriter.WriterClient[] = [];
  const connections: Awaited<ReturnType<managedwriter.WriterClient['createStreamConnection']>>[] = [];

  before(async () => {
    // Keeps Google's library from looking for the machine's credentials and warning that there are none.
    process.env.METADATA_SERVER_DETECTION = 'none';
    standIn = await startBigQuery({ storageEndpoint: 'http://127.0.0.1:1', ...options });
    bigquery = new BigQuery({
      projectId: PROJECT,
      location: 'EU',
      apiEndpoint: new URL(standIn.url).origin,
      authClient: new PassThroughClient(),
    });
  });
  after(async () => {
    await standIn.close();
    delete process.env.METADATA_SERVER_DETECTION;
  });
  beforeEach(async () => {
    standIn.faults.clear();
    clients.length = 0;
    connections.length = 0;
    datasets += 1;
    const [target, view] = [`A_${datasets}`, `V_${datasets}`];
    for (const dataset of [target, view]) await bigquery.createDataset(dataset, { location: 'EU' });
    openWarehouse();
    const layout = { partition: null, clusterColumns: [], reportColumn: 'update_at' };
    await warehouse.makeObjects({ shape: SHAPE, layout, evolution: NO_EVOLUTION }, 'first', soon());
  });

  function openWarehouse(callTimeoutSeconds?: number): void {
    warehouse = createWarehouse(
      async () => bigquery,
      openWriterClient,
      { projectId: PROJECT, temp: 'T', target: `A_${datasets}`, view: `V_${datasets}` },
      callTimeoutSeconds,
    );
  }

  async function openWriterClient(): Promise<managedwriter.WriterClient> {
    const [apiEndpoint, port] = standIn.writeHost.split(':');
    const client = new managedwriter.WriterClient({
      projectId: PROJECT,
      apiEndpoint: apiEndpoint ?? '',
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
    clients.push(client);
    const createStreamConnection = client.createStreamConnection.bind(client);
    client.createStreamConnection = async (...args) => {
      const connection = await createStreamConnection(...args);
      connections.push(connection);
      return connection;
    };
    return client;
  }

  const appendUntil = (rowsUntil: RowsUntil, deadline = soon()) =>
    warehouse.appendRows({
      ...{ attempt: ATTEMPT, keyColumn: SHAPE.keyColumn, message: MESSAGE },
      ...{ rowsUntil, deadline },
    });

  async function query(sql: (table: string) => string): Promise<Record<string, unknown>[]> {
    const [found] = await bigquery.query(sql(`A_${datasets}.incident`));
    return found;
  }

  return {
    /** The emulator; it starts with the suite. */
    standIn: () => standIn,
    /** Google's clients that this test has opened, and their connections, in order. */
    clients,
    connections,
    /** Appends as the functions do. */
    appendUntil,
    append: (encoded: AsyncIterable<Uint8Array[]>, deadline = soon()) => appendUntil(() => encoded, deadline),
    /** In this test, a request without an answer after this time is sent again. */
    setAnswerTimeout: (seconds: number) => openWarehouse(seconds),
    query,
    keys: async () =>
      (await query((table) => `select incident_id from ${table} order by incident_id`)).map(
        ({ incident_id: id }) => id,
      ),
    /** How many requests have arrived in this test. */
    appends: () => standIn.faults.calls.filter((call) => call === 'AppendRows').length,
  };
}
