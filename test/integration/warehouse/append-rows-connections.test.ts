import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import { DataHubError } from '../../../shared/errors.ts';
import { dropAfterEffect, failBefore, hold, pass } from '../../emulators/faults.ts';
import { inSeconds } from '../../support/deadline.ts';
import { until } from '../../support/until.ts';
import { LONG, remove, rows, soon, upsert, upTo, useAppends } from './use-appends.ts';

/** Longer than a first answer in time takes. */
const LATE_MS = 1_500;
/** In requests: each connection may have two that wait for an answer. */
const [ONE_CONNECTION, ALL_CONNECTIONS] = [2, 8];

describe('appending rows over several connections', () => {
  const table = useAppends();
  const { append, appends, connections, keys } = table;
  const isOpen = () => connections.map((connection) => connection.isOpen());

  /** The first request of each of so many connections waits, and with it all later ones of the same connection. */
  function holdConnections(count: number) {
    const held = Array.from({ length: count }, hold);
    table.standIn().faults.next('AppendRows', ...held);
    return { held, release: () => held.forEach((one) => void one.release()) };
  }

  it('opens no second one for a small batch, however late the answer', async () => {
    const { release } = holdConnections(1);
    const appending = append(rows(2 * ONE_CONNECTION, LONG).encoded);
    await until(() => appends() === 1);
    await elapse(LATE_MS);

    release();
    await appending;

    assert.equal(connections.length, 1);
    assert.deepEqual(await keys(), upTo(2 * ONE_CONNECTION));
  });

  it('opens a second one when the first is full, and returns when all rows are acknowledged', async () => {
    const { release } = holdConnections(1);
    let isDone = false;
    const appending = append(rows(40, LONG).encoded).then(() => {
      isDone = true;
    });
    await until(async () => (await keys()).length === 40 - 2 * ONE_CONNECTION);

    assert.ok(connections.length > 1);
    assert.equal(isDone, false);
    release();
    await appending;
    assert.deepEqual(await keys(), upTo(40));
  });

  it('I10 reads no more rows than all connections together may have without an answer', async () => {
    const { held, release } = holdConnections(4);
    const { taken, encoded } = rows(40, LONG);
    const appending = append(encoded);
    await Promise.all(held.map(({ reached }) => reached));
    await elapse(LATE_MS);

    assert.equal(connections.length, 4);
    // One more request waits until it can be sent.
    assert.equal(taken.rows, 2 * (ALL_CONNECTIONS + 1));
    release();
    await appending;
    assert.deepEqual(await keys(), upTo(40));
  });

  it('I10 lets one request wait at a time if its rows are so long that two would take too much memory', async () => {
    const { held, release } = holdConnections(1);
    const { taken, encoded } = rows(4, 'x'.repeat(12_000_000));
    const appending = append(encoded);
    await Promise.all(held.map(({ reached }) => reached));
    await elapse(LATE_MS);

    assert.equal(taken.rows, 2);
    assert.equal(connections.length, 1);
    release();
    await appending;
    assert.deepEqual(await keys(), upTo(4));
  });

  it('I5 ends with the last change of each key, in whatever order the connections are answered', async () => {
    const { release } = holdConnections(1);
    async function* changes() {
      // Each is a request of its own, and the first two wait.
      yield [upsert(1, 1, LONG), upsert(2, 2, LONG)];
      yield [remove(3, 3), upsert(4, 4, LONG), upsert(5, 5, LONG)];
      yield [
        remove(1, 6),
        upsert(2, 7, 'last'),
        upsert(3, 8, 'last'),
        upsert(6, 9, LONG),
        upsert(7, 10, LONG),
      ];
    }
    const appending = append(changes());
    await until(async () => (await keys()).length === 4);

    release();
    await appending;

    const found = await table.query(
      (name) => `select incident_id, substr(incident_type, 1, 4) as type from ${name} order by incident_id`,
    );
    assert.deepEqual(
      found.map(({ incident_id: id, type }) => `${id} ${type}`),
      ['2 last', '3 last', '4 xxxx', '5 xxxx', '6 xxxx', '7 xxxx'],
    );
  });

  for (const [how, fault] of [
    ['before a request has its effect', failBefore('UNAVAILABLE')],
    ['after a request had its effect', dropAfterEffect()],
  ] as const) {
    it(`I5 goes on with the others when one breaks ${how}`, async () => {
      const { release } = holdConnections(1);
      table.standIn().faults.next('AppendRows', pass(), fault);

      const appending = append(rows(40, LONG).encoded);
      await until(async () => (await keys()).length === 40 - 2 * ONE_CONNECTION);

      assert.equal(isOpen().filter((isOneOpen) => !isOneOpen).length, 1);
      release();
      await appending;
      assert.deepEqual(await keys(), upTo(40));
    });
  }

  it('I5 sends the requests of one that does not answer in time again on another', async () => {
    const { release } = holdConnections(1);
    table.setAnswerTimeout(1);

    await append(rows(40, LONG).encoded);

    assert.deepEqual(await keys(), upTo(40));
    release();
  });

  it('opens no more than BigQuery lets it open', async () => {
    const { release } = holdConnections(1);
    table.standIn().faults.next('AppendRows', failBefore('RESOURCE_EXHAUSTED'));
    const appending = append(rows(40, LONG).encoded);
    await until(() => isOpen().includes(false));
    await elapse(LATE_MS);

    assert.equal(connections.length, 2);
    release();
    await appending;
    assert.deepEqual(await keys(), upTo(40));
  });

  it('I4 closes all of them at once when the lease is lost', async () => {
    const deadline = soon();
    const { release } = holdConnections(4);
    const appending = append(rows(40, LONG).encoded, deadline);
    await until(() => connections.length === 4);
    const superseded = new DataHubError('superseded', 'another run holds the view');

    deadline.abort(superseded);

    await assert.rejects(appending, superseded);
    assert.deepEqual(isOpen(), [false, false, false, false]);
    release();
  });

  it('I8 closes all of them at its deadline', async () => {
    const { release } = holdConnections(4);

    await assert.rejects(append(rows(40, LONG).encoded, inSeconds(8)), { kind: 'transient' });

    assert.equal(connections.length, 4);
    assert.deepEqual(isOpen(), [false, false, false, false]);
    release();
  });
});
