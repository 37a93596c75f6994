import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import { WriteConnections } from '../../../shared/warehouse/write-connections.ts';

/** An answer after this time, or none until then, is late. */
const LATE_MS = 250;
const TARGET = { table: 'projects/p/datasets/d/tables/t', descriptor: { name: 'Row' }, traceId: 't' };

/** A connection of a client that never reaches a server: the test answers its requests, the oldest first. */
class FakeConnection {
  isOpen = true;
  hasAnswered = false;
  readonly #answers: { resolve: (answer: object) => void; reject: (error: Error) => void }[] = [];

  getStreamId = () => 's';
  onConnectionError = () => undefined;
  close = () => {
    this.isOpen = false;
  };
  write() {
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    this.#answers.push({ resolve, reject });
    return { getResult: () => promise };
  }
  answer = () => {
    this.#answers.shift()?.resolve({});
    this.hasAnswered = true;
  };
  fail = () => this.#answers.shift()?.reject(new Error('broken'));
  get requests(): number {
    return this.#answers.length;
  }
}

/** Lets everything that can continue do so. */
const turn = () => new Promise(setImmediate);

describe('write connections', () => {
  let opened: FakeConnection[];
  let connections: WriteConnections;
  let failures: unknown[];

  beforeEach(() => {
    opened = [];
    failures = [];
    const client = {
      createStreamConnection: async () => {
        const connection = new FakeConnection();
        opened.push(connection);
        return connection;
      },
    };
    connections = new WriteConnections(client as unknown as managedwriter.WriterClient, TARGET);
  });
  afterEach(() => connections.discard(new Error('the test has ended')));

  async function send(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      connections.append([], 60_000).catch((error: unknown) => failures.push(error));
    }
    await turn();
  }
  async function answer(connection: number): Promise<void> {
    opened[connection]?.answer();
    await turn();
  }
  async function fail(connection: number): Promise<void> {
    opened[connection]?.fail();
    await turn();
  }
  /** Opens another connection if it may, and returns how many connections have been opened. */
  async function add(): Promise<number> {
    connections.addIfFull();
    await turn();
    return opened.length;
  }
  /** Lets every connection have an answer to its first request, two more requests, and no answer to these in time. Opens another one if it may. */
  async function addWhenLate(): Promise<number> {
    for (const [n, { hasAnswered }] of opened.entries()) {
      if (hasAnswered) continue;
      await send(connections.maxUnanswered - inFlight());
      await answer(n);
    }
    await send(connections.maxUnanswered - inFlight());
    await elapse(LATE_MS);
    return await add();
  }
  const inFlight = () => requests().reduce((all, some) => all + some, 0);
  const requests = () => opened.map((connection) => connection.requests);

  it('open no second one while the requests of the first are not used up', async () => {
    await send(1);
    await elapse(LATE_MS);

    assert.equal(await add(), 1);
  });

  it('open no second one while answers come in time', async () => {
    await send(2);
    await answer(0);
    await answer(0);
    await send(2);

    assert.equal(await add(), 1);
  });

  it('open a second one when the first does not open within a second', async () => {
    await send(2);
    await elapse(1_000 + LATE_MS);

    assert.equal(await add(), 2);
  });

  it('open no second one while the first opens', async () => {
    await send(2);
    await elapse(LATE_MS);
    assert.equal(await add(), 1);

    await answer(0);
    await send(1);

    assert.deepEqual(requests(), [2]);
    assert.equal(await add(), 1);
  });

  it('open a second one when an answer after the first does not come in time', async () => {
    await send(2);
    await answer(0);
    await send(1);
    await elapse(LATE_MS);

    assert.equal(await add(), 2);
    assert.equal(connections.maxUnanswered, 4);
  });

  it('open a second one when answers come, but late', async () => {
    await send(2);
    await answer(0);
    await elapse(LATE_MS);
    await answer(0);
    await send(2);

    assert.equal(await add(), 2);
  });

  it('open no third one while one of two answers in time', async () => {
    await send(1);
    await addWhenLate();
    await send(2);
    assert.deepEqual(requests(), [2, 2]);
    await answer(1);
    await answer(1);
    await send(2);
    assert.deepEqual(requests(), [2, 2]);

    assert.equal(await add(), 2);
  });

  it('I10 are four at most, with two requests each', async () => {
    await send(1);
    for (let n = 1; n <= 6; n += 1) await addWhenLate();

    assert.equal(opened.length, 4);
    assert.equal(connections.maxUnanswered, 8);
    assert.deepEqual(requests(), [2, 2, 2, 2]);
  });

  it('use a failed one never again, and the others on', async () => {
    await send(1);
    await addWhenLate();
    await send(2);
    await answer(1);
    await fail(1);
    assert.deepEqual(
      opened.map(({ isOpen }) => isOpen),
      [true, false],
    );
    assert.equal(failures.length, 1);

    await answer(0);
    await send(1);

    assert.deepEqual(requests(), [2, 0]);
  });

  it('take a new one in the place of a failed one, rather than one that has no room', async () => {
    await send(1);
    await addWhenLate();
    await send(1);
    await answer(1);
    await send(1);
    await fail(1);
    await send(1);

    assert.deepEqual(requests(), [2, 0, 1]);
  });
});
