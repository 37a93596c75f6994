import assert from 'node:assert/strict';
import type { Lease } from '../../../shared/control/leases.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { type ControlDatabase, useControl } from './control-server.ts';

const VIEW = 'pmr_project';
const ERROR = new DataHubError('bad_data', 'key 7, column share: the value is not a finite number', {
  context: { view: VIEW, etlTransactionId: 12n, column: 'share', code: '22003' },
});
const FAILURE = { functionName: 'extract', error: ERROR, event: { view: VIEW } };

describe('failures', () => {
  const database = useControl({ per: 'test', views: [VIEW, 'pmr_inventory'] });
  let control: ControlDatabase['control'];
  let lease: Lease;

  beforeEach(async () => {
    control = database.control;
    const taken = await control.leases.acquire(VIEW, 60);
    assert.ok(taken);
    lease = taken;
  });

  it('I8 are recorded with their origin, message and advice', async () => {
    await control.failures.record(FAILURE);
    await control.failures.record({
      functionName: 'merge',
      error: new DataHubError('bug', 'x'),
      event: undefined,
    });

    const [first, second] = await database.rows('select * from etl.etl_error order by id');
    assert.partialDeepStrictEqual(first, {
      function_name: 'extract',
      view_name: VIEW,
      etl_transaction_id: 12n,
      kind: 'bad_data',
      code: '22003',
      message: ERROR.message,
      advice: ERROR.advice,
      event: `{"view":"${VIEW}"}`,
      resolved_at: null,
    });
    assert.partialDeepStrictEqual(second, {
      view_name: null,
      etl_transaction_id: null,
      code: null,
      event: null,
    });
  });

  it('I8 are recorded for any event, with NUL characters replaced by U+FFFD', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const event of ['a\0text', { 'a\0key': 'a\0value' }, circle]) {
      await control.failures.record({
        functionName: 'x',
        error: new DataHubError('bug', 'no field a\0b'),
        event,
      });
    }

    const rows = await database.rows('select message, event from etl.etl_error order by id');
    assert.equal(rows.length, 3);
    for (const { message } of rows) assert.equal(message, 'no field a\u{fffd}b');
    assert.deepEqual(JSON.parse(String(rows[1]?.event)), { 'a\0key': 'a\0value' });
    assert.match(String(rows[2]?.event), /^cannot be written as JSON: .*circular/);
  });

  it('I8 have dead letters, which stay due until they are published', async () => {
    await control.failures.record(FAILURE);
    await control.failures.haltView(lease, { ...FAILURE, functionName: 'merge', event: undefined });
    await control.failures.recordOnce({ ...FAILURE, functionName: 'stream' });
    const letters: object[] = [];
    const down = new Error('no topic');

    const failed = await control.failures.publishPending(async (letter) => {
      if (letter.functionName === 'extract') throw down;
      letters.push(letter);
    });
    assert.deepEqual(failed, [down]);
    await database.rows(
      `update etl.etl_error set dead_letter_due_at = dead_letter_due_at - interval '1 hour'`,
    );
    for (let ticks = 0; ticks < 2; ticks += 1) {
      assert.deepEqual(
        await control.failures.publishPending(async (letter) => void letters.push(letter)),
        [],
      );
    }

    const { message, advice } = ERROR;
    const context = { view: VIEW, etlTransactionId: '12', column: 'share', code: '22003' };
    assert.deepEqual(letters, [
      { functionName: 'merge', event: null, kind: 'bad_data', message, advice, ...context },
      { functionName: 'extract', event: { view: VIEW }, kind: 'bad_data', message, advice, ...context },
    ]);
  });

  it('I8 have dead letters, which two processes never publish concurrently', async () => {
    await control.failures.record(FAILURE);
    const letters: object[] = [];

    await control.failures.publishPending(async (letter) => {
      letters.push(letter);
      await control.failures.publishPending(async (other) => void letters.push(other));
    });

    assert.equal(letters.length, 1);
  });

  it('I8 that repeat at every attempt are recorded once, and again after they were resolved', async () => {
    for (let attempts = 0; attempts < 3; attempts += 1) await control.failures.recordOnce(FAILURE);
    const again = new DataHubError('bad_data', 'job merge_17: another message of it', {
      context: ERROR.context,
    });
    await control.failures.recordOnce({ ...FAILURE, error: again });
    assert.equal(await database.value('select message from etl.etl_error'), again.message);
    await control.failures.recordOnce({ ...FAILURE, functionName: 'merge' });
    assert.equal(await database.value('select count(*) from etl.etl_error'), 2n);

    await control.viewStops.resume(VIEW);
    await control.failures.recordOnce(FAILURE);

    assert.equal(await database.value('select count(*) from etl.etl_error where resolved_at is null'), 1n);
  });

  it('I8 that need an operator halt their view with the reason, and fail its batch', async () => {
    const { id } = await beginBatch();

    assert.equal(await control.failures.haltView(lease, FAILURE), id);

    assert.equal((await control.viewSources.get(VIEW)).haltedReason, ERROR.message);
    assert.equal((await control.batches.get(VIEW, id)).state, 'failed');
    assert.equal(await control.batches.findInFlight(VIEW), null);
    assert.equal(await database.value('select count(*) from etl.etl_error'), 1n);
    assert.equal((await control.viewSources.get('pmr_inventory')).haltedReason, null);
  });

  it('keep the time of the first halt', async () => {
    await control.failures.haltView(lease, FAILURE);
    await database.pool.query(`update etl.view_source set halted_at = '2026-01-01' where name = $1`, [VIEW]);

    await control.failures.haltView(lease, { ...FAILURE, error: new DataHubError('warehouse', 'another') });

    assert.deepEqual(
      await database.rows('select halted_at, halted_reason from etl.view_source where name = $1', [VIEW]),
      [{ halted_at: new Date('2026-01-01T00:00:00Z'), halted_reason: 'another' }],
    );
  });

  it('I2 are resolved by a resume, which abandons the failed batch and releases its keys', async () => {
    await control.queuedKeys.add(VIEW, ['1'], 'backfill');
    const { ids } = await control.queuedKeys.due(VIEW, 1);
    const { id } = await beginBatch(ids);
    await control.viewSources.setWarehouseFingerprint(lease, 'abc', {
      columns: [],
      unfilled: [],
      policyTags: {},
    });
    await control.failures.haltView(lease, FAILURE);
    await database.pool.query('update etl.view_source set paused = true where name = $1', [VIEW]);
    assert.deepEqual((await control.queuedKeys.due(VIEW, 1)).ids, []);

    await control.viewStops.resume(VIEW);

    assert.partialDeepStrictEqual(await control.viewSources.get(VIEW), {
      haltedReason: null,
      paused: false,
      // The next extract looks up the target's highest batch id again (I7).
      warehouseFingerprint: null,
    });
    assert.equal((await control.batches.get(VIEW, id)).state, 'abandoned');
    assert.deepEqual((await control.queuedKeys.due(VIEW, 1)).ids, ids);
    assert.ok((await database.value('select resolved_at from etl.etl_error')) instanceof Date);
    assert.ok((await beginBatch(ids)).id > id);
  });

  it('of other views stay unresolved when one view is resumed', async () => {
    const other = await control.leases.acquire('pmr_inventory', 60);
    assert.ok(other);
    await control.failures.haltView(other, { ...FAILURE, error: ERROR.withContext({}) });

    await control.viewStops.resume(VIEW);

    assert.equal((await control.viewSources.get('pmr_inventory')).haltedReason, ERROR.message);
  });

  function beginBatch(queuedKeyIds: bigint[] = []) {
    return control.batches.begin(lease, {
      kind: 'incremental',
      trigger: 'test',
      nextCheckpoint: { floorId: 1n, seen: '{}', horizons: [], witness: null },
      logRows: 1n,
      badKeys: 0n,
      oldestChangeAt: null,
      hasMore: false,
      isComplete: false,
      queuedKeyIds,
      resyncRequestedAt: null,
      resyncBySystem: false,
      definition: { fingerprint: 'f', columns: 'c', serverMajor: 18, settings: {} },
      acceptsDeletes: false,
      isDirectLoad: false,
      targetRows: null,
    });
  }
});
