import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import { Deadline } from '../../../shared/deadline.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { dropAfterEffect, failAfterEffect, failBefore, pass, refuse } from '../../emulators/faults.ts';
import { inSeconds } from '../../support/deadline.ts';
import { LONG, rows, soon, upsert, upTo, useAppends } from './use-appends.ts';

/** BigQuery closes a connection that has been idle for 10 minutes. The emulator closes it earlier. */
const IDLE_SECONDS = 0.5;

describe('appending rows', () => {
  const table = useAppends();
  const { append, appendUntil, appends, keys } = table;

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

  it("keeps every request below BigQuery's limit, whatever the sizes of its rows", async () => {
    const row = (id: number, size: number) => upsert(id, id, 'x'.repeat(size));
    async function* uneven() {
      yield [row(1, 1_500_000), row(2, 18_900_000), row(3, 1)];
    }

    await append(uneven());

    assert.deepEqual(await keys(), upTo(3));
    assert.equal(appends(), 3);
  });

  it('I5 writes every row when requests fail in every possible way', async () => {
    table
      .standIn()
      .faults.next(
        'AppendRows',
        ...[pass(), failAfterEffect('UNAVAILABLE'), pass(), refuse('RESOURCE_EXHAUSTED'), dropAfterEffect()],
        ...[failBefore('INTERNAL'), failBefore('DEADLINE_EXCEEDED'), pass(), failBefore('CANCELLED')],
      );

    await append(rows(20, LONG).encoded);

    assert.deepEqual(table.standIn().faults.unused, []);
    assert.deepEqual(await keys(), upTo(20));
  });

  it('I5 sends a request without an answer again on another connection', async () => {
    const held = table.standIn().faults.holdNext('AppendRows');

    // A single request, so that none is served after the next test has begun.
    table.setAnswerTimeout(0.5);
    await append(rows(5).encoded);

    assert.deepEqual(await keys(), upTo(5));
    held.release();
  });

  it('I8 fails as transient at its deadline when a request gets no answer', async () => {
    const held = table.standIn().faults.holdNext('AppendRows');

    await assert.rejects(append(rows(1).encoded, inSeconds(0.3)), { kind: 'transient' });

    held.release();
  });

  it('I8 names the table and the view when the last request before its deadline got no answer', async () => {
    const held = table.standIn().faults.holdNext('AppendRows');
    let aheadMs = 0;
    const deadline = new Deadline({ nowMs: () => Date.now() + aheadMs }, 3600);
    async function* late() {
      // From here on, nearly all of its time is over.
      aheadMs = deadline.remainingMs() - 200;
      yield* rows(1).encoded;
    }

    await assert.rejects(append(late(), deadline), {
      kind: 'transient',
      message:
        /^appending to projects\/project-1\/datasets\/A_\d+\/tables\/incident: no answer within \d+ ms$/,
      context: { view: 'xyz_incident', etlTransactionId: 7n },
    });

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
    table.standIn().faults.next('AppendRows', failBefore('PERMISSION_DENIED'));
    async function* stalling(stop: AbortSignal) {
      yield* rows(3, LONG).encoded;
      await new Promise((_, reject) => stop.addEventListener('abort', () => reject(stop.reason)));
    }

    await assert.rejects(appendUntil(stalling), { kind: 'unauthorized' });
  });

  it('I8 fails at its deadline when a request keeps failing', async () => {
    table
      .standIn()
      .faults.next('AppendRows', ...Array.from({ length: 100 }, () => failBefore('UNAVAILABLE')));

    await assert.rejects(append(rows(1).encoded, inSeconds(1.5)), { kind: 'transient' });

    assert.ok(appends() > 1);
  });

  it('does not retry a permanent error', async () => {
    table.standIn().faults.next('AppendRows', failBefore('PERMISSION_DENIED'));
    await assert.rejects(append(rows(1).encoded), { kind: 'unauthorized' });

    table.standIn().faults.next('AppendRows', failBefore('INVALID_ARGUMENT'));
    await assert.rejects(append(rows(1).encoded), { kind: 'warehouse' });

    assert.equal(appends(), 2);
  });

  it('I8 fails at once, and names the column, when the Write API does not know it yet', async () => {
    await table.query((name) => `alter table ${name} drop column incident_owner`);
    const end = table.standIn().delaySchemas();
    await table.query((name) => `alter table ${name} add column incident_owner string`);

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
      table.standIn().faults.next('AppendRows', pass(), fault);

      await assert.rejects(append(rows(40, LONG).encoded), {
        kind: 'transient',
        message: /the rows wait until the Storage Write API knows the columns/,
      });
    });
  }

  it('goes on when the table gets a column while its connection is open', async () => {
    const held = table.standIn().faults.holdNext('AppendRows');
    const appending = append(rows(40, LONG).encoded);
    await held.reached;
    await table.query((name) => `alter table ${name} add column remark string`);
    held.release();

    await appending;

    assert.deepEqual(await keys(), upTo(40));
  });

  it('I4 stops at once when the lease is lost, even while requests wait for answers', async () => {
    const deadline = soon();
    const held = table.standIn().faults.holdNext('AppendRows');
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

  it('I9 refuses a row that is larger than a request can be, and names it', async () => {
    await assert.rejects(append(rows(1, 'x'.repeat(19_100_000)).encoded), {
      kind: 'bad_data',
      message: /^view xyz_incident: key 1: the row has 191\d{5} bytes; streaming takes at most 19000000$/,
    });
  });

  it('leaves no connection open, whether it succeeds or fails', async () => {
    await append(rows(1).encoded);
    table.standIn().faults.next('AppendRows', failBefore('PERMISSION_DENIED'));
    await assert.rejects(append(rows(1).encoded));

    assert.deepEqual(
      table.clients.map((client) => client.isOpen()),
      [false, false],
    );
  });
});

describe('appending rows to a BigQuery that closes idle connections early', () => {
  const { append, appends, keys } = useAppends({ idleConnectionSeconds: IDLE_SECONDS });

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
});
