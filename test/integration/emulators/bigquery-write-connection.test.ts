import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { adapt, managedwriter, protos } from '@google-cloud/bigquery-storage';
import { startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import {
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
  CHANGE,
  defaultStream,
  openCall,
  openWriter,
  outcome,
  requestOf,
  rowMessage,
} from './bigquery-writer.ts';

const { FULL } = protos.google.cloud.bigquery.storage.v1.WriteStreamView;
const ABORTED = 10;
const UNAVAILABLE = 14;
const PLAIN = rowMessage({ id: 'int64', name: 'string' });
const CHANGES = rowMessage({ id: 'int64', name: 'string', ...CHANGE });

describe('BigQuery stand-in: connections of the Storage Write API', () => {
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

  it('take what Google’s JSON writer makes of the schema that GetWriteStream answers', async () => {
    await project.rows(`create or replace table d.t (id int64 not null, name string, at timestamp, tags array<string>,
      ok bool, f float64, primary key (id) not enforced)`);
    const writer = await openWriter(project.standIn.writeHost, 't', PLAIN);
    const { tableSchema, type, location } = await writer.client.getWriteStream({
      streamId: defaultStream('t'),
      view: FULL,
    });
    assert.deepEqual([type, location], ['COMMITTED', 'asia-southeast1']);
    assert.ok(tableSchema);
    const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
      tableSchema,
      'Row',
      adapt.withChangeType(),
      adapt.withChangeSequenceNumber(),
    );
    const json = new managedwriter.JSONWriter({ connection: writer.connection, protoDescriptor });
    const at = new Date('2024-02-03T04:05:06.789Z');
    const change = { _CHANGE_TYPE: 'UPSERT', _CHANGE_SEQUENCE_NUMBER: '1' };

    const answer = await json
      .appendRows([
        { id: 1, name: 'a', at, tags: ['x', 'y'], ok: true, f: 1.5, ...change },
        { id: 2, ...change },
      ])
      .getResult();

    assert.equal(outcome(answer), 'OK');
    assert.equal(answer.appendResult?.offset, null);
    assert.equal(answer.writeStream, defaultStream('t'));
    assert.deepEqual(
      await project.rows('select id, name, unix_millis(at) at, tags, ok, f from d.t order by id'),
      [
        { id: 1, name: 'a', at: at.getTime(), tags: ['x', 'y'], ok: true, f: 1.5 },
        { id: 2, name: null, at: null, tags: [], ok: null, f: null },
      ],
    );
    const basic = await writer.client.getWriteStream({ streamId: defaultStream('t') });
    assert.equal(basic.tableSchema, null);
    writer.close();
  });

  it('append plain rows, however often a row comes', async () => {
    const writer = await openWriter(project.standIn.writeHost, 't', PLAIN);
    await writer.append({ id: 1 }, { id: 1 });
    await writer.append({ id: 1 });
    await writer.append();
    assert.deepEqual(await ids(), [1, 1, 1]);
    await project.rows('delete from d.t where true');
    writer.close();
  });

  it('answer requests in their order, also those that are sent before the answers came', async () => {
    const writer = await openWriter(project.standIn.writeHost, 't', PLAIN);
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
    await project.rows('create or replace table d.other (id int64)');
    const call = openCall(project.standIn.writeHost);
    const first = requestOf('t', PLAIN, [{ id: 1 }]);
    const rows = first.protoRows?.rows ?? null;
    call.write(first);
    call.write({ protoRows: { rows } });
    call.write(requestOf('t', rowMessage({ id: 'int32' }), [{ id: 2 }]));
    call.write(requestOf('other', rowMessage({ id: 'int64' }), [{ id: 3 }]));
    call.write({ protoRows: { rows } });
    call.stream.end();
    assert.equal((await call.ended).code, 0);
    assert.deepEqual(
      call.responses.map((response) => response.writeStream?.split('/')[5]),
      ['t', 't', 't', 'other', 'other'],
    );
    assert.deepEqual(await ids(), [1, 1, 2]);
    assert.deepEqual(await project.rows('select id from d.other order by id'), [{ id: 1 }, { id: 3 }]);
    await call.close();
  });

  it('learn once of a column that was added', async () => {
    const call = openCall(project.standIn.writeHost);
    const answered = (count: number) => {
      call.write(requestOf('t', PLAIN, [{ id: count }]));
      return call.answered(count);
    };
    await answered(1);
    await project.rows('alter table d.t add column extra date');
    await answered(2);
    await answered(3);
    const schemas = call.responses.map(({ updatedSchema }) =>
      updatedSchema?.fields?.map(({ name, type }) => `${name} ${type}`),
    );
    assert.deepEqual(schemas, [undefined, ['id INT64', 'name STRING', 'extra DATE'], undefined]);
    assert.ok(call.responses.every((response) => outcome(response) === 'OK'));
    const wider = rowMessage({ id: 'int64', name: 'string', extra: 'int32' });
    call.write(requestOf('t', wider, [{ id: 4, extra: 1 }]));
    await call.answered(4);
    assert.deepEqual(await project.values('select cast(extra as string) from d.t where id = 4'), [
      '1970-01-02',
    ]);
    await call.close();
  });

  it('are closed with ABORTED when they have sent nothing for too long', async () => {
    const impatient = await openProject({ idleConnectionSeconds: 0.3 });
    await impatient.rows('create table d.t (id int64, name string)');
    const held = hold();
    impatient.faults.next('AppendRows', pass(), held);
    const call = openCall(impatient.standIn.writeHost);
    call.write(requestOf('t', PLAIN, [{ id: 1 }]));
    call.write(requestOf('t', PLAIN, [{ id: 2 }]));
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
      _CHANGE_TYPE: 'UPSERT',
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
        const writer = await openWriter(project.standIn.writeHost, 't', CHANGES);
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
      for (const id of [1, 2, 3]) call.write(requestOf('t', PLAIN, [{ id }]));
      assert.equal((await call.ended).code, 13);
      assert.equal(call.responses.length, 1);
      assert.deepEqual(await ids(), [1, 2]);
      await call.close();
    });

    it('refuse a request in its answer, and keep the connection', async () => {
      project.faults.next('AppendRows', refuse('RESOURCE_EXHAUSTED'));
      const writer = await openWriter(project.standIn.writeHost, 't', PLAIN);
      const answers = await Promise.all([writer.append({ id: 1 }), writer.append({ id: 2 })]);
      assert.deepEqual(answers.map(outcome), ['error 8', 'OK']);
      assert.deepEqual(await ids(), [2]);
      assert.deepEqual(writer.connectionErrors, []);
      writer.close();
    });

    it('hold a request, and those behind it', async () => {
      const held = project.faults.holdNext('AppendRows');
      const writer = await openWriter(project.standIn.writeHost, 't', PLAIN);
      const answers = [writer.append({ id: 1 }), writer.append({ id: 2 })];
      await held.reached;
      assert.deepEqual(await ids(), []);
      held.release();
      await Promise.all(answers);
      assert.deepEqual(await ids(), [1, 2]);
      writer.close();
    });

    it('do not find a table that was just created', async () => {
      project.faults.next('GetWriteStream', failBefore('NOT_FOUND'));
      project.faults.next('AppendRows', failBefore('NOT_FOUND'));
      const writer = await openWriter(project.standIn.writeHost, 't', PLAIN);
      await assert.rejects(writer.client.getWriteStream({ streamId: defaultStream('t') }), { code: 5 });
      await assert.rejects(writer.append({ id: 1 }), { code: 5 });
      assert.equal(outcome(await writer.append({ id: 1 })), 'OK');
      writer.close();
    });
  });

  it('break off when the stand-in closes, whether or not a request is held', async () => {
    const closing = await openProject();
    await closing.rows('create table d.t (id int64, name string)');
    const held = closing.faults.holdNext('AppendRows');
    const call = openCall(closing.standIn.writeHost);
    call.write(requestOf('t', PLAIN, [{ id: 1 }]));
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
