import assert from 'node:assert/strict';
import type { Checkpoint } from '../../../shared/checkpoint.ts';
import type { Counts, EtlTransaction, NewBatch } from '../../../shared/control/etl-transactions.ts';
import type { Lease } from '../../../shared/control/leases.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { type ControlDatabase, ControlServer, viewEntry } from './control-server.ts';

const VIEW = 'pmr_project';
const COUNTS: Counts = { added: 3n, changed: 2n, deleted: 1n };

const checkpoint = (floorId: bigint, seen = '{}'): Checkpoint => ({
  floorId,
  seen,
  horizons: [],
  witness: null,
});

const newBatch = (given: Partial<NewBatch> = {}): NewBatch => ({
  kind: 'incremental',
  trigger: 'test',
  nextCheckpoint: checkpoint(100n),
  logRows: 6n,
  badKeys: 0n,
  oldestChangeAt: new Date('2026-01-02T03:04:05Z'),
  hasMore: false,
  isComplete: false,
  queuedKeyIds: [],
  ...given,
});

const STAGED = { upserts: 5n, deletes: 1n, bytes: 1234n, loadJobId: 'load_1' };

describe('ETL transactions', () => {
  let server: ControlServer;
  let database: ControlDatabase;
  let control: ControlDatabase['control'];

  before(async () => {
    server = await ControlServer.start();
    database = await server.create();
    control = database.control;
    await control.importViewSources([viewEntry(VIEW), viewEntry('pmr_inventory')]);
  });
  after(() => server.stop());
  beforeEach(async () => {
    await database.pool.query(
      'truncate etl.lease, etl.checkpoint, etl.queued_key, etl.etl_error, etl.etl_transaction',
    );
    await database.pool.query(
      'update etl.view_source set halted_at = null, halted_reason = null, paused = false',
    );
  });

  const acquire = async (view = VIEW): Promise<Lease> => {
    const lease = await control.acquireLease(view, 60);
    assert.ok(lease);
    return lease;
  };
  const begin = async (given: Partial<NewBatch> = {}) => {
    const lease = await acquire();
    return { lease, batch: await control.beginBatch(lease, newBatch(given)) };
  };
  const stage = async (given: Partial<NewBatch> = {}): Promise<EtlTransaction> => {
    const { lease, batch } = await begin(given);
    await control.markStaged(lease, batch.id, STAGED);
    return batch;
  };
  const claim = async (batch: EtlTransaction) => {
    const lease = await acquire();
    const claimed = await control.claimForApply(
      lease,
      batch.id,
      ({ id, attempt }) => `merge_${id}_${attempt}`,
    );
    return { lease, batch: claimed };
  };
  const apply = async (given: Partial<NewBatch> = {}): Promise<EtlTransaction> => {
    const { lease, batch } = await claim(await stage(given));
    await control.markApplied(lease, batch, COUNTS);
    return batch;
  };
  /** Everything that is remembered, to see that nothing changed. */
  const memory = () =>
    database.value(
      `select (select json_agg(t order by id) from etl.etl_transaction t)::text
         || coalesce((select json_agg(c) from etl.checkpoint c)::text, '')
         || coalesce((select json_agg(k order by id) from etl.queued_key k)::text, '')
         || (select json_agg(v order by name) from etl.view_source v)::text
         || coalesce((select json_agg(e) from etl.etl_error e)::text, '')`,
    );

  describe('from beginning to end', () => {
    it('I5 carry a number that names their staged objects', async () => {
      const { batch } = await begin();

      assert.equal(batch.state, 'extracting');
      assert.equal(batch.stagedPrefix, `${VIEW}/${batch.id}/`);
      assert.deepEqual(await control.findInFlight(VIEW), batch);
      assert.deepEqual(await control.getBatch(VIEW, batch.id), batch);
    });

    it('remember what was staged, and give the lease back at once', async () => {
      const { id } = await stage({ hasMore: true });

      const batch = await control.getBatch(VIEW, id);
      assert.deepEqual(
        [batch.state, batch.stagedUpserts, batch.stagedDeletes, batch.attempt, batch.hasMore],
        ['staged', 5n, 1n, 1, true],
      );
      assert.ok(batch.stagedAt);
      await acquire();
    });

    it('name the job that applies them, and another for the next attempt', async () => {
      const { lease, batch } = await claim(await stage());
      assert.equal(await jobOf(batch), `merge_${batch.id}_1`);

      assert.equal(await control.markForNextAttempt(lease, batch), 2);
      assert.equal((await control.getBatch(VIEW, batch.id)).state, 'staged');
      await control.claimForApply(lease, batch.id, ({ id, attempt }) => `merge_${id}_${attempt}`);

      assert.equal(await jobOf(batch), `merge_${batch.id}_2`);
    });

    it('are taken over while they are being applied, by whoever has the lease then', async () => {
      const first = await claim(await stage());
      await database.expireLease(VIEW);
      const second = await claim(first.batch);

      assert.deepEqual([second.batch.state, second.batch.attempt], ['applying', 1]);
      await control.markApplied(second.lease, second.batch, COUNTS);
      assert.equal((await control.getBatch(VIEW, first.batch.id)).state, 'applied');
    });

    it('are not claimed when they are settled', async () => {
      const applied = await apply();

      assert.equal((await claim(applied)).batch.state, 'applied');
    });

    it('are refused under an unknown number, or as those of another view', async () => {
      const { batch } = await begin();

      const refused = { kind: 'invalid_event', message: /has no ETL transaction/ };
      await assert.rejects(control.getBatch(VIEW, batch.id + 1n), refused);
      await assert.rejects(control.getBatch('pmr_inventory', batch.id), refused);
    });
  });

  describe('I4 one at a time', () => {
    it('a second one of a view is refused in every state that holds the view', async () => {
      const { lease, batch } = await begin();
      const second = () => control.beginBatch(lease, newBatch());

      await assert.rejects(second(), { kind: 'superseded' });
      await database.pool.query(`update etl.etl_transaction set state = 'staged'`);
      await assert.rejects(second(), { kind: 'superseded' });
      await database.pool.query(`update etl.etl_transaction set state = 'applying'`);
      await assert.rejects(second(), { kind: 'superseded' });
      for (const state of ['applied', 'abandoned', 'failed']) {
        await database.pool.query('update etl.etl_transaction set state = $1 where id = $2', [
          state,
          batch.id,
        ]);
        const { id } = await second();
        await database.pool.query('delete from etl.etl_transaction where id = $1', [id]);
      }
    });

    it('of ten begun at once with one lease, one is', async () => {
      const lease = await acquire();

      const begun = await Promise.allSettled(
        Array.from({ length: 10 }, () => control.beginBatch(lease, newBatch())),
      );

      assert.equal(begun.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const each of begun) {
        if (each.status === 'rejected') assert.equal((each.reason as DataHubError).kind, 'superseded');
      }
      assert.equal(await database.value('select count(*) from etl.etl_transaction'), 1n);
    });

    it('those of other views go on', async () => {
      await begin();

      const { view } = await control.beginBatch(await acquire('pmr_inventory'), newBatch());
      assert.equal(view, 'pmr_inventory');
    });
  });

  describe('I4 a process that wakes up after its lease was taken over', () => {
    const awakening = {
      'begins no batch': async (stale: Lease) => control.beginBatch(stale, newBatch()),
      'stages nothing': async (stale: Lease, batch: EtlTransaction) =>
        control.markStaged(stale, batch.id, STAGED),
      'claims nothing': async (stale: Lease, batch: EtlTransaction) =>
        control.claimForApply(stale, batch.id, () => 'x'),
      'starts no attempt': async (stale: Lease, batch: EtlTransaction) =>
        control.markForNextAttempt(stale, batch),
      'names no load job': async (stale: Lease, batch: EtlTransaction) =>
        control.setLoadJob(stale, batch.id, 'x'),
      'applies nothing': async (stale: Lease, batch: EtlTransaction) =>
        control.markApplied(stale, batch, COUNTS),
      'abandons nothing': async (stale: Lease, batch: EtlTransaction) =>
        control.abandonBatch(stale, batch, 'x'),
      'moves no checkpoint': async (stale: Lease) => control.moveCheckpoint(stale, checkpoint(500n), 0n, []),
      'halts nothing': async (stale: Lease) =>
        control.haltView(stale, { functionName: 'x', error: new DataHubError('bug', 'x'), event: {} }),
    };

    for (const [what, act] of Object.entries(awakening)) {
      for (const state of ['extracting', 'staged', 'applying'] as const) {
        if (what === 'abandons nothing' && state === 'applying') continue;
        it(`${what} of a batch that is ${state}`, async () => {
          const { lease: stale, batch } = await begin();
          await database.pool.query('update etl.etl_transaction set state = $1', [state]);
          await database.expireLease(VIEW);
          await acquire();
          const before = await memory();

          await assert.rejects(act(stale, { ...batch, state }), { kind: 'superseded' });

          assert.equal(await memory(), before);
        });
      }
    }

    it('changes nothing with its lease back, once another has owned the batch', async () => {
      const { lease: stale, batch } = await begin();
      await database.expireLease(VIEW);
      const heir = await acquire();
      await control.abandonBatch(heir, batch, 'its process ended');
      const successor = await control.beginBatch(heir, newBatch());
      // As if the first process could present a valid lease: the batch's own token still tells them apart.
      await database.pool.query('update etl.lease set token = $1', [stale.token]);
      const before = await memory();

      await assert.rejects(control.markStaged(stale, successor.id, STAGED), { kind: 'superseded' });
      await assert.rejects(control.markStaged(stale, batch.id, STAGED), { kind: 'superseded' });

      assert.equal(await memory(), before);
    });
  });

  describe('I2 an applied one', () => {
    it('moves its state, counts, checkpoint and queued keys together', async () => {
      await control.queueKeys(VIEW, ['1', '2', '3'], 'backfill');
      const due = await control.dueKeys(VIEW, 2);
      const { lease, batch } = await claim(await stage({ queuedKeyIds: due.ids }));

      const lagMs = await control.markApplied(lease, batch, COUNTS);

      assert.ok(lagMs !== null && lagMs > 0);
      const [row] = await database.rows('select * from etl.etl_transaction');
      assert.partialDeepStrictEqual(row, {
        state: 'applied',
        rows_added: 3n,
        rows_changed: 2n,
        rows_deleted: 1n,
      });
      assert.equal((await control.readCheckpoint(VIEW))?.checkpoint.floorId, 100n);
      assert.deepEqual((await control.dueKeys(VIEW, 10)).keys, ['3']);
      assert.equal(await control.findInFlight(VIEW), null);
      await acquire();
    });

    it('moves nothing when any of it fails', async () => {
      await control.queueKeys(VIEW, ['1'], 'repair');
      const { ids } = await control.dueKeys(VIEW, 1);
      await apply({ nextCheckpoint: checkpoint(200n) });
      const { lease, batch } = await claim(
        await stage({ nextCheckpoint: checkpoint(150n), queuedKeyIds: ids }),
      );
      const before = await memory();

      await assert.rejects(control.markApplied(lease, batch, COUNTS), {
        kind: 'bug',
        message: /would move backwards/,
      });

      assert.equal(await memory(), before);
    });

    it('is not applied a second time', async () => {
      const { lease, batch } = await claim(await stage());
      await control.markApplied(lease, batch, COUNTS);
      const before = await memory();

      await assert.rejects(control.markApplied(lease, batch, COUNTS), { kind: 'superseded' });
      await assert.rejects(control.markApplied(await acquire(), batch, COUNTS), { kind: 'superseded' });

      assert.equal(await memory(), before);
    });

    it('tells no lag when it came from no log row', async () => {
      const { lease, batch } = await claim(await stage({ oldestChangeAt: null }));

      assert.equal(await control.markApplied(lease, batch, COUNTS), null);
    });
  });

  describe('I2 the checkpoint', () => {
    const move = async (next: Checkpoint) => control.moveCheckpoint(await acquire(), next, 0n, []);

    it('moves with a capture that found nothing, which leaves a counter and the time, and no ETL transaction', async () => {
      await control.queueKeys(VIEW, ['1'], 'repair');
      const { ids } = await control.dueKeys(VIEW, 1);
      const since = await database.value('select idle_captures from etl.view_source where name = $1', [VIEW]);

      await control.moveCheckpoint(await acquire(), checkpoint(100n), 2n, ids);

      const [view] = await database.rows('select * from etl.view_source where name = $1', [VIEW]);
      assert.partialDeepStrictEqual(view, { idle_captures: (since as bigint) + 1n, bad_keys: 2n });
      assert.ok(view?.captured_at instanceof Date);
      assert.equal(await database.value('select count(*) from etl.etl_transaction'), 0n);
      assert.deepEqual((await control.dueKeys(VIEW, 10)).keys, []);
      assert.equal((await control.readCheckpoint(VIEW))?.checkpoint.floorId, 100n);
      await acquire();
    });

    it('comes back as it was stored', async () => {
      const stored: Checkpoint = {
        floorId: 9_007_199_254_740_993n,
        seen: '{[9007199254740995,9007199254740999),[9007199254741000,9007199254741001)}',
        horizons: [
          { id: 9_007_199_254_740_998n, atMicros: 1_767_323_045_000_001n, marker: 728n },
          { id: 9_007_199_254_741_000n, atMicros: 1_767_323_046_000_001n, marker: null },
        ],
        witness: { id: 9_007_199_254_741_000n, hash: 'abc' },
      };

      await move(stored);

      assert.deepEqual((await control.readCheckpoint(VIEW))?.checkpoint, stored);
    });

    it('goes forward: a higher floor may stand for what was seen, and more may be seen', async () => {
      await move(checkpoint(10n, '{[12,15)}'));
      await move(checkpoint(10n, '{[12,15),[20,21)}'));
      await move(checkpoint(20n));
      await move(checkpoint(20n));

      assert.equal((await control.readCheckpoint(VIEW))?.checkpoint.floorId, 20n);
    });

    for (const [what, next] of [
      ['a lower floor', checkpoint(9n, '{[12,15)}')],
      ['a covered row less', checkpoint(10n, '{[12,14)}')],
      ['a higher floor below what was seen', checkpoint(11n)],
    ] as const) {
      it(`never goes back: ${what} is refused`, async () => {
        await move(checkpoint(10n, '{[12,15)}'));

        await assert.rejects(move(next), {
          kind: 'bug',
          message: /the checkpoint of pmr_project would move backwards/,
        });
        assert.deepEqual((await control.readCheckpoint(VIEW))?.checkpoint, checkpoint(10n, '{[12,15)}'));
      });
    }

    it('remembers when its floor last moved', async () => {
      await move(checkpoint(10n));
      await database.pool.query(`update etl.checkpoint set floor_moved_at = '2026-01-01'`);
      await move(checkpoint(10n, '{[12,15)}'));
      assert.deepEqual((await control.readCheckpoint(VIEW))?.floorMovedAt, new Date('2026-01-01T00:00:00Z'));

      await move(checkpoint(15n));
      assert.ok(Number((await control.readCheckpoint(VIEW))?.floorMovedAt) > Date.parse('2026-01-02'));
    });
  });

  describe('an abandoned one', () => {
    it('leaves its view and its queued keys to another, under a new number', async () => {
      await control.queueKeys(VIEW, ['1', '2'], 'backfill');
      const { ids } = await control.dueKeys(VIEW, 2);
      const { lease, batch } = await begin({ queuedKeyIds: ids });
      assert.deepEqual((await control.dueKeys(VIEW, 2)).ids, []);

      await control.abandonBatch(lease, batch, 'its process ended');

      assert.deepEqual((await control.dueKeys(VIEW, 2)).ids, ids);
      const successor = await control.beginBatch(lease, newBatch({ queuedKeyIds: ids }));
      assert.ok(successor.id > batch.id);
      assert.equal(
        await database.value('select error from etl.etl_transaction where id = $1', [batch.id]),
        'its process ended',
      );
      assert.equal(await control.readCheckpoint(VIEW), null);
    });

    it('is not one whose state has changed meanwhile', async () => {
      const staged = await stage();
      const { lease } = await claim(staged);

      await assert.rejects(control.abandonBatch(lease, { ...staged, state: 'staged' }, 'x'), {
        kind: 'superseded',
      });
      assert.equal((await control.getBatch(VIEW, staged.id)).state, 'applying');
    });

    it('is never one that is being applied: BigQuery may still do it', async () => {
      const { lease, batch } = await claim(await stage());

      await assert.rejects(control.abandonBatch(lease, batch, 'x'), RangeError);
    });
  });

  describe('I7 their numbers', () => {
    it('start above what a target has met', async () => {
      const { batch } = await begin();
      const highest = batch.id + 1_000_000n;

      await control.raiseNumber(highest);

      await database.pool.query('truncate etl.etl_transaction, etl.lease cascade');
      assert.equal((await begin()).batch.id, highest + 1n);
    });

    it('are never lowered', async () => {
      const { batch } = await begin();

      for (const highest of [0n, 1n, batch.id - 1n, batch.id]) await control.raiseNumber(highest);

      await database.pool.query('truncate etl.etl_transaction, etl.lease cascade');
      assert.ok((await begin()).batch.id > batch.id);
    });

    it('are not drawn between the look and the raise', async () => {
      const { batch } = await begin();
      const highest = batch.id + 1000n;
      const inventory = await acquire('pmr_inventory');

      const [, other] = await Promise.all([
        control.raiseNumber(highest),
        control.beginBatch(inventory, newBatch()),
      ]);

      assert.ok(other.id === batch.id + 1n || other.id > highest);
      assert.ok(
        ((await database.value(
          `select nextval(pg_get_serial_sequence('etl.etl_transaction', 'id'))`,
        )) as bigint) > highest,
      );
    });
  });

  function jobOf(batch: EtlTransaction): Promise<unknown> {
    return database.value('select apply_job_id from etl.etl_transaction where id = $1', [batch.id]);
  }
});
