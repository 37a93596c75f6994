import assert from 'node:assert/strict';
import pg from 'pg';
import {
  dropAfterEffect,
  dropBefore,
  failBefore,
  hold,
  holdAnswer,
  inOrder,
  pass,
} from '../../emulators/faults.ts';
import { type PostgresProxy, startPostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';

const INSERT = 'db: insert into note values (';

describe('the proxy in front of PostgreSQL', () => {
  let server: Postgres;
  let proxy: PostgresProxy;
  let direct: pg.Client;
  let client: pg.Client;

  before(async () => {
    server = await startPostgres();
    proxy = await startPostgresProxy({ port: server.port, sideOf: () => 'db' });
    direct = await connect(server.url());
    await direct.query('create table note (text text)');
  });
  after(async () => {
    await direct.end();
    await proxy.close();
    await server.stop();
  });
  beforeEach(async () => {
    await direct.query('truncate note');
    client = await connect(proxy.url(server.url()));
    proxy.faults.clear();
  });
  afterEach(() => client.end());

  const insert = (text: string) => client.query('insert into note values ($1)', [text]);
  const notes = async () =>
    (await direct.query('select text from note order by text')).rows.map((row) => row.text);

  it('names every statement by its first words, and the end of a transaction by what it ends', async () => {
    await client.query('begin');
    await insert('a');
    await client.query('commit');
    const other = await connect(proxy.url(server.url()));
    await other.end();

    assert.deepEqual(proxy.faults.calls, [
      'db: begin',
      INSERT,
      'db: commit after insert into note values (',
      'db: connect',
    ]);
  });

  it('has a statement refused by the server itself, so that its transaction is aborted as by any error', async () => {
    proxy.faults.next(INSERT, pass(), failBefore('40001'));

    await client.query('begin');
    await insert('a');
    await assert.rejects(insert('b'), { code: '40001' });
    await assert.rejects(insert('c'), { code: '25P02' });
    await client.query('rollback');
    await insert('d');

    assert.deepEqual(await notes(), ['d']);
  });

  it('ends the connection with an error of the classes that end it', async () => {
    proxy.faults.next(INSERT, failBefore('57P01'));

    await assert.rejects(insert('a'), { code: '57P01' });
    await assert.rejects(insert('b'), /not queryable|terminated/);
    assert.deepEqual(await notes(), []);
  });

  it('breaks the connection before the effect or after it', async () => {
    proxy.faults.next(INSERT, dropBefore());
    await assert.rejects(insert('before'), /terminated/);
    await client.end();
    client = await connect(proxy.url(server.url()));

    proxy.faults.next(INSERT, dropAfterEffect());
    await assert.rejects(insert('after'), /terminated/);

    assert.deepEqual(await notes(), ['after']);
  });

  it('refuses a new connection', async () => {
    proxy.faults.next('db: connect', failBefore('53300'));
    await assert.rejects(connect(proxy.url(server.url())), { code: '53300' });
  });

  it('carries out a call whose client is gone, when it is released', async () => {
    const held = proxy.faults.holdNext(INSERT);
    const inserted = assert.rejects(insert('late'), /terminated/);
    await held.reached;
    proxy.dropConnections();
    await inserted;
    assert.deepEqual(await notes(), []);

    held.release();

    while ((await notes()).length === 0);
    assert.deepEqual(await notes(), ['late']);
  });

  it('drops a call that was held, or its answer', async () => {
    const before = hold();
    proxy.faults.next(INSERT, inOrder(before, dropBefore()));
    const first = assert.rejects(insert('dropped'), /terminated/);
    await before.reached;
    before.release();
    await first;
    await client.end();
    client = await connect(proxy.url(server.url()));

    const after = holdAnswer();
    proxy.faults.next(INSERT, after);
    const second = assert.rejects(insert('carried out'), /terminated/);
    await after.reached;
    assert.deepEqual(await notes(), ['carried out']);
    after.release();
    await second;
  });
});

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
