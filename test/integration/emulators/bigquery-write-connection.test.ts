import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { managedwriter } from '@google-cloud/bigquery-storage';
import { startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import {
  deliverToOldTable,
  dropAfterEffect,
  dropBefore,
  failAfterEffect,
  failBefore,
  hold,
  pass,
  refuse,
} from '../../emulators/faults.ts';
import { openProject, type Project } from './bigquery-project.ts';
import {
  NUMBER,
  openCall,
  openWriter,
  outcome,
  type RowMessage,
  requestOf,
  rowMessage,
} from './bigquery-writer.ts';

const ABORTED = 10;
const UNAVAILABLE = 14;
const ROW = rowMessage({ id: 'int64', name: 'string' });
const NUMBERED = rowMessage({ id: 'int64', name: 'string', ...NUMBER });

describe('BigQuery emulator: connections of the Storage Write API', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());
  beforeEach(async () => {
    project.faults.clear();
    await project.rows('create or replace table d.t (id int64, name string, primary key (id) not enforced)');
  });

  const ids = async () => (await project.rows('select id from d.t order by id')).map(({ id }) => id);

  it('answer requests in their order, also those that are sent before the answers came', async () => {
    const writer = await openWriter(project.standIn.writeHost, 't', ROW);
    const order: string[] = [];
    const requests = Array.from({ length: 30 }, (_, index) => index);
    await Promise.all(
      requests.map(async (index) => {
        // Large ones would be overtaken if they could be.
        const rows = Array.from({ length: index % 3 === 0 ? 3000 : 1 }, () => ({ id: index }));
        const answer = await writer.append(...rows, ...(index % 10 === 5 ? [{ name: '\ud800' }] : []));
        order.push(`${index} ${outcome(answer).split('\n')[0]}`);
      }),
    );
    assert.deepEqual(
      order,
      requests.map((index) => `${index} ${index % 10 === 5 ? 'error 3' : 'OK'}`),
    );
    assert.deepEqual(await project.values('select count(distinct id) from d.t'), [27]);
    writer.close();
  });

  it('may change the descriptor or the table, if the request brings what they need', async () => {
    await project.rows('create or replace table d.other (id int64, primary key (id) not enforced)');
    const other = rowMessage({ id: 'int64' });
    const rows = ({ encode }: RowMessage, id: number) => ({
      protoRows: { rows: { serializedRows: [encode({ id })] } },
    });
    const call = openCall(project.standIn.writeHost);
    call.write(requestOf('t', ROW, [{ id: 1 }]));
    call.write(rows(ROW, 2));
    call.write(requestOf('t', rowMessage({ id: 'int32' }), [{ id: 3 }]));
    call.write(requestOf('other', other, [{ id: 4 }]));
    call.write(rows(other, 5));
    call.stream.end();
    assert.equal((await call.ended).code, 0);
    assert.deepEqual(
      call.responses.map((response) => response.writeStream?.split('/')[5]),
      ['t', 't', 't', 'other', 'other'],
    );
    assert.deepEqual(await ids(), [1, 2, 3]);
    assert.deepEqual(await project.rows('select id from d.other order by id'), [{ id: 4 }, { id: 5 }]);
    await call.close();
  });

  it('take a column that was added', async () => {
    const call = openCall(project.standIn.writeHost);
    call.write(requestOf('t', ROW, [{ id: 1 }]));
    await call.answered(1);
    await project.rows('alter table d.t add column extra date');
    call.write(requestOf('t', rowMessage({ id: 'int64', extra: 'int32' }), [{ id: 2, extra: 1 }]));
    await call.answered(2);

    assert.deepEqual(call.responses.map(outcome), ['OK', 'OK']);
    assert.deepEqual(await project.values('select cast(extra as string) from d.t where id = 2'), [
      '1970-01-02',
    ]);
    await call.close();
  });

  it('are closed with ABORTED when they have sent nothing for too long', async () => {
    const impatient = await openProject({ idleConnectionSeconds: 0.3 });
    await impatient.rows('create table d.t (id int64, name string, primary key (id) not enforced)');
    const held = hold();
    impatient.faults.next('AppendRows', pass(), held);
    const call = openCall(impatient.standIn.writeHost);
    call.write(requestOf('t', ROW, [{ id: 1 }]));
    call.write(requestOf('t', ROW, [{ id: 2 }]));
    await held.reached;
    const begun = Date.now();
    held.release();
    const { code, message } = await call.ended;
    assert.equal(code, ABORTED);
    assert.match(message, /idle for 0.3 seconds/);
    assert.ok(Date.now() - begun >= 250);
    assert.deepEqual(call.responses.map(outcome), ['OK', 'OK']);
    await call.close();
    const silent = openCall(impatient.standIn.writeHost);
    assert.equal((await silent.ended).code, ABORTED);
    await silent.close();
    await impatient.close();
  });

  describe('under scripted faults', () => {
    const upsert = (name: string, sequence: string) => ({
      id: 1,
      name,
      _CHANGE_SEQUENCE_NUMBER: sequence,
    });

    it('end before or after the effect of one request', async () => {
      for (const [fault, effect] of [
        [failBefore('UNAVAILABLE'), []],
        [dropBefore(), []],
        [failAfterEffect('UNAVAILABLE'), [1]],
        [dropAfterEffect(), [1]],
      ] as const) {
        await project.rows(
          'create or replace table d.t (id int64, name string, primary key (id) not enforced)',
        );
        project.faults.next('AppendRows', pass(), fault);
        const writer = await openWriter(project.standIn.writeHost, 't', NUMBERED);
        await writer.append({ ...upsert('a', '1'), id: 0 });
        await assert.rejects(writer.append(upsert('a', '1')), { code: UNAVAILABLE });
        assert.deepEqual(await ids(), [0, ...effect]);
        // The client opens another connection for the next request.
        await writer.append(upsert('a', '1'));
        assert.deepEqual(await ids(), [0, 1]);
        writer.close();
      }
      assert.deepEqual(project.faults.unused, []);
    });

    it('lose the requests behind the one that failed', async () => {
      project.faults.next('AppendRows', pass(), failAfterEffect('INTERNAL'));
      const call = openCall(project.standIn.writeHost);
      for (const id of [1, 2, 3]) call.write(requestOf('t', ROW, [{ id }]));
      assert.equal((await call.ended).code, 13);
      assert.equal(call.responses.length, 1);
      assert.deepEqual(await ids(), [1, 2]);
      await call.close();
    });

    it('acknowledge rows that go to the table that had the name before', async () => {
      project.faults.next('AppendRows', deliverToOldTable());
      const writer = await openWriter(project.standIn.writeHost, 't', ROW);

      assert.equal(outcome(await writer.append({ id: 1 })), 'OK');
      assert.deepEqual(await ids(), []);
      assert.equal(outcome(await writer.append({ id: 2 })), 'OK');

      assert.deepEqual(await ids(), [2]);
      writer.close();
    });

    it('refuse a request in its answer, and keep the connection', async () => {
      project.faults.next('AppendRows', refuse('RESOURCE_EXHAUSTED'));
      const writer = await openWriter(project.standIn.writeHost, 't', ROW);
      const answers = await Promise.all([writer.append({ id: 1 }), writer.append({ id: 2 })]);
      assert.deepEqual(answers.map(outcome), ['error 8', 'OK']);
      assert.deepEqual(await ids(), [2]);
      assert.deepEqual(writer.connectionErrors, []);
      writer.close();
    });

    it('hold a request, and those behind it', async () => {
      const held = project.faults.holdNext('AppendRows');
      const writer = await openWriter(project.standIn.writeHost, 't', ROW);
      const answers = [writer.append({ id: 1 }), writer.append({ id: 2 })];
      await held.reached;
      assert.deepEqual(await ids(), []);
      held.release();
      await Promise.all(answers);
      assert.deepEqual(await ids(), [1, 2]);
      writer.close();
    });

    it('do not find a table that was just created', async () => {
      project.faults.next('AppendRows', failBefore('NOT_FOUND'));
      const writer = await openWriter(project.standIn.writeHost, 't', ROW);
      await assert.rejects(writer.append({ id: 1 }), { code: 5 });
      assert.equal(outcome(await writer.append({ id: 1 })), 'OK');
      writer.close();
    });
  });

  describe('of a table that gets a column', () => {
    const WIDER = rowMessage({ id: 'int64', tags: 'repeated string', share: 'double', ...NUMBER });
    const contents = () => project.rows('select id, share from d.t order by id');

    it('refuse the column, and nothing else, until the Write API knows it', async () => {
      const end = project.standIn.delaySchemas();
      await project.rows('alter table d.t add column share float64, add column tags array<string>');
      const [before, after] = [NUMBERED, WIDER].map((message) =>
        openWriter(project.standIn.writeHost, 't', message),
      );

      const error = await (await after)?.upsert('1', { id: 1, share: 0.5 }).then(
        () => assert.fail('the column was accepted'),
        (thrown: Error & { code: number }) => thrown,
      );
      assert.equal(outcome((await (await before)?.upsert('1', { id: 2 })) ?? {}), 'OK');
      end();
      const late = await openWriter(project.standIn.writeHost, 't', WIDER);
      assert.equal(outcome(await late.upsert('1', { id: 3, share: 0.5 })), 'OK');

      assert.match(String(error?.message), /extra fields: 'tags'/);
      assert.deepEqual(
        managedwriter.parseStorageErrors(error as never).map(({ code }) => code),
        [7],
      );
      assert.deepEqual(await contents(), [
        { id: 2, share: null },
        { id: 3, share: 0.5 },
      ]);
      for (const opened of [before, after]) (await opened)?.close();
      late.close();
    });

    it('get the new columns in their next answer, once, and go on with the old ones', async () => {
      const writer = await openWriter(project.standIn.writeHost, 't', NUMBERED);
      const send = (id: number) => writer.upsert('1', { id });
      const known = [await send(1)];
      const end = project.standIn.delaySchemas();
      await project.rows('alter table d.t add column share float64, add column tags array<string>');
      known.push(await send(2));
      end();
      known.push(await send(3), await send(4));

      assert.deepEqual(known.map(outcome), ['OK', 'OK', 'OK', 'OK']);
      assert.deepEqual(
        known.map(({ updatedSchema }) => updatedSchema?.fields?.map(({ name, type }) => [name, type])),
        [
          undefined,
          undefined,
          [
            ['id', 'INT64'],
            ['name', 'STRING'],
            ['share', 'DOUBLE'],
            ['tags', 'STRING'],
          ],
          undefined,
        ],
      );
      writer.close();
    });

    it('refuse the column in an answer, too, if a test says so', async () => {
      project.faults.next('AppendRows', refuse('INVALID_ARGUMENT', 'SCHEMA_MISMATCH_EXTRA_FIELDS'));
      const writer = await openWriter(project.standIn.writeHost, 't', ROW);
      const { error } = await writer.append({ id: 1 });

      assert.match(String(error?.details?.[0]?.type_url), /v1\.StorageError$/);
      writer.close();
    });
  });

  it('break off when the emulator closes, whether or not a request is held', async () => {
    const closing = await openProject();
    await closing.rows('create table d.t (id int64, name string, primary key (id) not enforced)');
    const held = closing.faults.holdNext('AppendRows');
    const call = openCall(closing.standIn.writeHost);
    call.write(requestOf('t', ROW, [{ id: 1 }]));
    await held.reached;

    await closing.close();
    held.release();

    assert.notEqual((await call.ended).code, 0);
    await call.close();
  });

  it('are taken at the port that was asked for, unless another program has it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    assert.ok(address !== null && typeof address === 'object');
    const options = { storageEndpoint: 'http://127.0.0.1:9', writePort: address.port };
    await assert.rejects(startBigQuery(options), { code: 'EADDRINUSE' });
    other.close();
    await once(other, 'close');
    const standIn = await startBigQuery(options);
    assert.equal(standIn.writeHost, `127.0.0.1:${address.port}`);
    await standIn.close();
    await standIn.close();
  });
});
