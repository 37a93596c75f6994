import assert from 'node:assert/strict';
import type { Checkpoint } from '../../../shared/model/checkpoint.ts';
import { COUNTS, checkpoint, DEFINITION, useBatchSteps, VIEW } from './batch-steps.ts';

describe('checkpoints', () => {
  const steps = useBatchSteps();

  describe('I2 an applied batch', () => {
    it('changes its state, counts, checkpoint and queued keys together', async () => {
      await steps.control.queuedKeys.add(VIEW, ['1', '2', '3'], 'backfill');
      const due = await steps.control.queuedKeys.due(VIEW, 2);
      const { lease, batch } = await steps.claim(await steps.stage({ queuedKeyIds: due.ids }));

      const { lagMs } = await steps.control.batches.markApplied(lease, batch, COUNTS);

      assert.ok(lagMs !== null && lagMs > 0);
      const [row] = await steps.database.rows('select * from etl.etl_transaction');
      assert.partialDeepStrictEqual(row, {
        state: 'applied',
        rows_added: 3n,
        rows_changed: 2n,
        rows_deleted: 1n,
      });
      assert.equal((await steps.control.checkpoints.read(VIEW))?.checkpoint.floorId, 100n);
      assert.deepEqual(await steps.database.rows('select key from etl.queued_key'), [{ key: '3' }]);
      assert.equal(await steps.control.batches.findInFlight(VIEW), null);
      await steps.acquire();
    });

    it('records on its view when it was captured and how many bad keys it found', async () => {
      await steps.apply({ badKeys: 2n });
      await steps.apply({ badKeys: 3n, nextCheckpoint: checkpoint(200n) });

      const [view] = await steps.database.rows(
        `select bad_keys, captured_at = (select max(started_at) from etl.etl_transaction) as recent
         from etl.view_source where name = $1`,
        [VIEW],
      );
      assert.deepEqual(view, { bad_keys: 5n, recent: true });
    });

    it('changes nothing when any part fails', async () => {
      await steps.control.queuedKeys.add(VIEW, ['1'], 'repair');
      const { ids } = await steps.control.queuedKeys.due(VIEW, 1);
      await steps.apply({ nextCheckpoint: checkpoint(200n) });
      const { lease, batch } = await steps.claim(
        await steps.stage({ nextCheckpoint: checkpoint(150n), queuedKeyIds: ids }),
      );
      const before = await steps.memory();

      await assert.rejects(steps.control.batches.markApplied(lease, batch, COUNTS), {
        kind: 'bug',
        message: /would move backwards/,
      });

      assert.equal(await steps.memory(), before);
    });

    it('is not applied a second time', async () => {
      const { lease, batch } = await steps.claim(await steps.stage());
      await steps.control.batches.markApplied(lease, batch, COUNTS);
      const before = await steps.memory();

      await assert.rejects(steps.control.batches.markApplied(lease, batch, COUNTS), { kind: 'superseded' });
      await assert.rejects(steps.control.batches.markApplied(await steps.acquire(), batch, COUNTS), {
        kind: 'superseded',
      });

      assert.equal(await steps.memory(), before);
    });

    it('has no lag without log rows', async () => {
      const { lease, batch } = await steps.claim(await steps.stage({ oldestChangeAt: null }));

      assert.equal((await steps.control.batches.markApplied(lease, batch, COUNTS)).lagMs, null);
    });
  });

  describe('I2 the checkpoint', () => {
    const move = async (next: Checkpoint) =>
      steps.control.checkpoints.move(await steps.acquire(), next, {
        badKeys: 0n,
        hasMore: false,
        queuedKeyIds: [],
        definition: DEFINITION,
      });

    it('moves with a capture that found nothing, which leaves no batch, only the time and a counter', async () => {
      await steps.control.queuedKeys.add(VIEW, ['1'], 'repair');
      const { ids } = await steps.control.queuedKeys.due(VIEW, 1);
      const since = await steps.database.value('select idle_captures from etl.view_source where name = $1', [
        VIEW,
      ]);

      await steps.control.checkpoints.move(await steps.acquire(), checkpoint(100n), {
        badKeys: 2n,
        hasMore: false,
        queuedKeyIds: ids,
        definition: DEFINITION,
      });

      const [view] = await steps.database.rows('select * from etl.view_source where name = $1', [VIEW]);
      assert.partialDeepStrictEqual(view, { idle_captures: (since as bigint) + 1n, bad_keys: 2n });
      assert.ok(view?.captured_at instanceof Date);
      assert.equal(await steps.database.value('select count(*) from etl.etl_transaction'), 0n);
      assert.deepEqual((await steps.control.queuedKeys.due(VIEW, 10)).keys, []);
      assert.equal((await steps.control.checkpoints.read(VIEW))?.checkpoint.floorId, 100n);
      await steps.acquire();
    });

    it('is read back unchanged', async () => {
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

      assert.deepEqual((await steps.control.checkpoints.read(VIEW))?.checkpoint, stored);
    });

    it('moves forward: a higher floor may replace seen ranges, and seen ranges may grow', async () => {
      await move(checkpoint(10n, '{[12,15)}'));
      await move(checkpoint(10n, '{[12,15),[20,21)}'));
      await move(checkpoint(20n));
      await move(checkpoint(20n));

      assert.equal((await steps.control.checkpoints.read(VIEW))?.checkpoint.floorId, 20n);
    });

    for (const [what, next] of [
      ['a lower floor', checkpoint(9n, '{[12,15)}')],
      ['one covered row less', checkpoint(10n, '{[12,14)}')],
      ['a higher floor below the seen ranges', checkpoint(11n)],
    ] as const) {
      it(`never moves back: ${what} is refused`, async () => {
        await move(checkpoint(10n, '{[12,15)}'));

        await assert.rejects(move(next), {
          kind: 'bug',
          message: /the checkpoint of pmr_project would move backwards/,
        });
        assert.deepEqual(
          (await steps.control.checkpoints.read(VIEW))?.checkpoint,
          checkpoint(10n, '{[12,15)}'),
        );
      });
    }

    it('records when its floor last moved', async () => {
      await move(checkpoint(10n));
      await steps.database.pool.query(`update etl.checkpoint set floor_moved_at = '2026-01-01'`);
      await move(checkpoint(10n, '{[12,15)}'));
      assert.deepEqual(
        (await steps.control.checkpoints.read(VIEW))?.floorMovedAt,
        new Date('2026-01-01T00:00:00Z'),
      );

      await move(checkpoint(15n));
      assert.ok(
        Number((await steps.control.checkpoints.read(VIEW))?.floorMovedAt) > Date.parse('2026-01-02'),
      );
    });
  });
});
