import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { managedwriter } from '@google-cloud/bigquery-storage';
import { credentials } from '@grpc/grpc-js';
import { PassThroughClient } from 'google-auth-library';
import { DataHubError } from '../../../shared/errors.ts';
import type { TableShape } from '../../../shared/model/columns.ts';
import type { RowsUntil } from '../../../shared/warehouse/append-rows.ts';
import type { Attempt } from '../../../shared/warehouse/attempt.ts';
import { NO_EVOLUTION } from '../../../shared/warehouse/evolution.ts';
import { createRowEncoder } from '../../../shared/warehouse/row-encoder.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { createWarehouse, type Warehouse } from '../../../shared/warehouse/warehouse.ts';
import { type BigQueryStandIn, startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { dropAfterEffect, failAfterEffect, failBefore, pass, refuse } from '../../emulators/faults.ts';
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
/** BigQuery closes a connection that has been idle for 10 minutes. The emulator closes it earlier. */
const IDLE_SECONDS = 0.5;
/** About 1 MB with its row. */
const LONG = 'x'.repeat(1_000_000);

describe('appending rows', () => {
  let standIn: BigQueryStandIn;
  let bigquery: BigQuery;
  let warehouse: Warehouse;
  let clients: managedwriter.WriterClient[] = [];
  let datasets = 0;

  before(async () => {
    // Keeps Google's library from looking for the machine's credentials and warning that there are none.
    process.env.METADATA_SERVER_DETECTION = 'none';
    standIn = await startBigQuery({
      storageEndpoint: 'http://127.0.0.1:1',
      idleConnectionSeconds: IDLE_SECONDS,
    });
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
    clients = [];
    datasets += 1;
    const [target, view] = [`A_${datasets}`, `V_${datasets}`];
    for (const dataset of [target, view]) await bigquery.createDataset(dataset, { location: 'EU' });
    warehouse = openWarehouse();
    const layout = { partition: null, clusterColumns: [], reportColumn: 'update_at' };
    await warehouse.makeObjects({ shape: SHAPE, layout, evolution: NO_EVOLUTION }, 'first', soon());
  });

  /** Opens the warehouse as the functions do. A request without an answer in time is sent again. */
  const openWarehouse = (callTimeoutSeconds?: number) =>
    createWarehouse(
      async () => bigquery,
      openWriterClient,
      { projectId: PROJECT, temp: 'T', target: `A_${datasets}`, view: `V_${datasets}` },
      callTimeoutSeconds,
    );

  async function openWriterClient(): Promise<managedwriter.WriterClient> {
    const [apiEndpoint, port] = standIn.writeHost.split(':');
    const client = new managedwriter.WriterClient({
      projectId: PROJECT,
      apiEndpoint: apiEndpoint ?? '',
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
    clients.push(client);
    return client;
  }

  const soon = () => inSeconds(60);

  /** Rows 1 to `count`, and how many of them have been read so far. */
  function rows(count: number, incidentType: string | null = null) {
    const encoder = createRowEncoder(MESSAGE, SHAPE, { etlTransactionId: 7n, updateAt: new Date() });
    const taken = { rows: 0 };
    async function* encoded() {
      for (let id = 1; id <= count; id += 1) {
        taken.rows += 1;
        yield [encoder.upsert({ ...NOTHING, incident_id: id, incident_type: incidentType }, id)];
      }
    }
    return { taken, encoded: encoded() };
  }

  const appendUntil = (rowsUntil: RowsUntil, deadline = soon()) =>
    warehouse.appendRows({
      attempt: ATTEMPT,
      keyColumn: SHAPE.keyColumn,
      message: MESSAGE,
      rowsUntil,
      deadline,
    });
  const append = (encoded: AsyncIterable<Uint8Array[]>, deadline = soon()) =>
    appendUntil(() => encoded, deadline);

  const keys = async () => {
    const [found] = await bigquery.query(
      `select incident_id from A_${datasets}.incident order by incident_id`,
    );
    return found.map(({ incident_id: id }) => id);
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
  const appends = () => standIn.faults.calls.filter((call) => call === 'AppendRows').length;

  it('sends no request without rows', async () => {
    await append(rows(0).encoded);

    assert.equal(appends(), 0);
  });

  it('groups small rows, and puts large ones into requests of a few megabytes', async () => {
    await append(rows(5000).encoded);
    assert.equal(appends(), 1);
    assert.deepEqual(await keys(), upTo(5000));

    await append(rows(9, LONG).encoded);
    // Two rows in each request, and the last one alone.
    assert.equal(appends(), 1 + 5);
  });

  it('I2 I5 continues on a new connection after BigQuery closed an idle one', async () => {
    const { encoded } = rows(4, LONG);
    async function* slowly() {
      for await (const row of encoded) {
        yield row;
        await elapse(1.2 * IDLE_SECONDS * 1000);
      }
    }

    await append(slowly());

    assert.deepEqual(await keys(), upTo(4));
    assert.ok(appends() >= 2, `${appends()} requests`);
  });

  it('I10 reads no more rows than its window while requests wait for answers', async () => {
    const held = standIn.faults.holdNext('AppendRows');
    const { taken, encoded } = rows(40, LONG);
    const appending = append(encoded);
    await held.reached;
    // After this many turns of the event loop, everything that can continue has done so.
    for (let turn = 0; turn < 1000; turn += 1) await new Promise(setImmediate);
    // Two rows in each request: several requests wait at once, but only a few.
    assert.ok(taken.rows >= 7 && taken.rows <= 10, `${taken.rows} rows of 1 MB were taken`);

    held.release();
    await appending;

    assert.deepEqual(await keys(), upTo(40));
  });

  it('I5 writes every row when requests fail in every possible way', async () => {
    standIn.faults.next(
      'AppendRows',
      ...[pass(), failAfterEffect('UNAVAILABLE'), pass(), refuse('RESOURCE_EXHAUSTED'), dropAfterEffect()],
      ...[failBefore('INTERNAL'), failBefore('DEADLINE_EXCEEDED'), pass(), failBefore('CANCELLED')],
    );

    await append(rows(20, LONG).encoded);

    assert.deepEqual(standIn.faults.unused, []);
    assert.deepEqual(await keys(), upTo(20));
  });

  it('I5 sends a request without an answer again on another connection', async () => {
    const held = standIn.faults.holdNext('AppendRows');

    // A single request, so that none is served after the next test has begun.
    warehouse = openWarehouse(0.5);
    await append(rows(5).encoded);

    assert.deepEqual(await keys(), upTo(5));
    held.release();
  });

  it('I8 fails as transient at its deadline when a request gets no answer', async () => {
    const held = standIn.faults.holdNext('AppendRows');

    await assert.rejects(append(rows(1).encoded, inSeconds(0.3)), { kind: 'transient' });

    held.release();
  });

  it('I8 fails at its deadline when no rows arrive', async () => {
    async function* stalling(stop: AbortSignal) {
      yield* rows(6, LONG).encoded;
      await new Promise((_, reject) => stop.addEventListener('abort', () => reject(stop.reason)));
    }

    await assert.rejects(appendUntil(stalling, inSeconds(1.5)), {
      kind: 'transient',
      message: /did not end within the time limit/,
    });
  });

  it('stops reading rows as soon as a request has failed permanently', async () => {
    standIn.faults.next('AppendRows', failBefore('PERMISSION_DENIED'));
    async function* stalling(stop: AbortSignal) {
      yield* rows(3, LONG).encoded;
      await new Promise((_, reject) => stop.addEventListener('abort', () => reject(stop.reason)));
    }

    await assert.rejects(appendUntil(stalling), { kind: 'unauthorized' });
  });

  it('I8 fails at its deadline when a request keeps failing', async () => {
    standIn.faults.next('AppendRows', ...Array.from({ length: 100 }, () => failBefore('UNAVAILABLE')));

    await assert.rejects(append(rows(1).encoded, inSeconds(1.5)), { kind: 'transient' });

    assert.ok(appends() > 1);
  });

  it('does not retry a permanent error', async () => {
    standIn.faults.next('AppendRows', failBefore('PERMISSION_DENIED'));
    await assert.rejects(append(rows(1).encoded), { kind: 'unauthorized' });

    standIn.faults.next('AppendRows', failBefore('INVALID_ARGUMENT'));
    await assert.rejects(append(rows(1).encoded), { kind: 'warehouse' });

    assert.equal(appends(), 2);
  });

  it('I8 fails at once, and names the column, when the Write API does not know it yet', async () => {
    await bigquery.query(`alter table A_${datasets}.incident drop column incident_owner`);
    const end = standIn.delaySchemas();
    await bigquery.query(`alter table A_${datasets}.incident add column incident_owner string`);

    await assert.rejects(append(rows(1).encoded), {
      kind: 'transient',
      message: /extra fields: 'incident_owner'; the rows wait until the Storage Write API knows the columns/,
    });

    assert.equal(appends(), 1);
    end();
    await append(rows(1).encoded);
    assert.deepEqual(await keys(), [1]);
  });

  for (const [how, fault] of [
    ['ends the connection', failBefore('INVALID_ARGUMENT', 'SCHEMA_MISMATCH_EXTRA_FIELDS')],
    ['is in an answer', refuse('INVALID_ARGUMENT', 'SCHEMA_MISMATCH_EXTRA_FIELDS')],
  ] as const) {
    it(`fails for a column that the Write API does not know, if the refusal ${how}`, async () => {
      standIn.faults.next('AppendRows', pass(), fault);

      await assert.rejects(append(rows(40, LONG).encoded), {
        kind: 'transient',
        message: /the rows wait until the Storage Write API knows the columns/,
      });
    });
  }

  it('goes on when the table gets a column while its connection is open', async () => {
    const held = standIn.faults.holdNext('AppendRows');
    const appending = append(rows(40, LONG).encoded);
    await held.reached;
    await bigquery.query(`alter table A_${datasets}.incident add column remark string`);
    held.release();

    await appending;

    assert.deepEqual(await keys(), upTo(40));
  });

  it('I4 stops at once when the lease is lost, even while requests wait for answers', async () => {
    const deadline = soon();
    const held = standIn.faults.holdNext('AppendRows');
    const appending = append(rows(40, LONG).encoded, deadline);
    await held.reached;
    const superseded = new DataHubError('superseded', 'another run holds the view');

    deadline.abort(superseded);

    await assert.rejects(appending, superseded);
    held.release();
  });

  it("I8 throws the rows' own error, after the answers to the sent requests", async () => {
    async function* broken() {
      yield* rows(6, LONG).encoded;
      throw new DataHubError('bad_data', 'key 7 is not a row');
    }

    await assert.rejects(append(broken()), { kind: 'bad_data', message: 'key 7 is not a row' });
  });

  it("keeps every request below BigQuery's limit, whatever the sizes of its rows", async () => {
    const encoder = createRowEncoder(MESSAGE, SHAPE, { etlTransactionId: 7n, updateAt: new Date() });
    const row = (id: number, size: number) =>
      encoder.upsert({ ...NOTHING, incident_id: id, incident_type: 'x'.repeat(size) }, id);
    async function* uneven() {
      yield [row(1, 1_500_000), row(2, 18_900_000), row(3, 1)];
    }

    await append(uneven());

    assert.deepEqual(await keys(), upTo(3));
    assert.equal(appends(), 3);
  });

  it('I9 refuses a row that is larger than a request can be, and names it', async () => {
    await assert.rejects(append(rows(1, 'x'.repeat(19_100_000)).encoded), {
      kind: 'bad_data',
      message: /^view xyz_incident: key 1: the row has 191\d{5} bytes; streaming takes at most 19000000$/,
    });
  });

  it('leaves no connection open, whether it succeeds or fails', async () => {
    await append(rows(1).encoded);
    standIn.faults.next('AppendRows', failBefore('PERMISSION_DENIED'));
    await assert.rejects(append(rows(1).encoded));

    assert.deepEqual(
      clients.map((client) => client.isOpen()),
      [false, false],
    );
  });
});
