import assert from 'node:assert/strict';
import type { DataHubError } from '../../../shared/errors.ts';
import { NO_CHANGES } from '../../../shared/model/batch.ts';
import { until } from '../../support/until.ts';
import { COUNTS, newBatch, OTHER_VIEW, useBatchSteps, VIEW } from './batch-steps.ts';

describe('ETL transactions', () => {
  const steps = useBatchSteps();

  describe('from beginning to end', () => {
    it('I5 have an id that names their staged objects', async () => {
      const { batch } = await steps.begin();

      assert.equal(batch.state, 'extracting');
      assert.equal(batch.stagedPrefix, `${VIEW}/${batch.id}/`);
      assert.deepEqual(await steps.control.batches.findInFlight(VIEW), batch);
      assert.deepEqual(await steps.control.batches.get(VIEW, batch.id), batch);
    });

    it('record what was staged, and release the lease at once', async () => {
      const { id } = await steps.stage({ hasMore: true });

      const batch = await steps.control.batches.get(VIEW, id);
      assert.deepEqual(
        [batch.state, batch.stagedUpserts, batch.stagedDeletes, batch.attempt, batch.hasMore],
        ['staged', 5n, 1n, 1, true],
      );
      assert.ok(batch.stagedAt);
      await steps.acquire();
    });

    it('record the job that applies them, and another job for the next attempt', async () => {
      const { lease, batch } = await steps.claim(await steps.stage());
      assert.equal(await steps.jobOf(batch), `merge_${batch.id}_1`);

      await steps.control.batches.markForNextAttempt(lease, batch, false);
      assert.partialDeepStrictEqual(await steps.control.batches.get(VIEW, batch.id), {
        state: 'staged',
        attempt: 2,
        loadAttempt: 1,
      });
      await steps.control.batches.claim(lease, batch.id, ({ id, attempt }) => `merge_${id}_${attempt}`);

      assert.equal(await steps.jobOf(batch), `merge_${batch.id}_2`);
    });

    it('record that the next attempt must load their staged rows again', async () => {
      const { lease, batch } = await steps.claim(await steps.stage());

      await steps.control.batches.markForNextAttempt(lease, batch, true);

      assert.partialDeepStrictEqual(await steps.control.batches.get(VIEW, batch.id), {
        attempt: 2,
        loadAttempt: 2,
      });
    });

    it('remember when all their rows were acknowledged, until these are sent again', async () => {
      const { batches } = steps.control;
      const { lease, batch } = await steps.claim(await steps.stage({ isComplete: true }));
      const all = { rows: 6, counts: COUNTS };
      assert.equal(batch.streamedAt, null);

      const streamedAt = await batches.markStreamed(lease, batch.id, all);

      assert.deepEqual(await batches.markStreamed(lease, batch.id, all), streamedAt);
      assert.partialDeepStrictEqual(await batches.get(VIEW, batch.id), { streamedAt, progress: all });
      const none = { rows: 0, counts: NO_CHANGES };
      await batches.saveProgress(lease, batch.id, none);
      assert.partialDeepStrictEqual(await batches.get(VIEW, batch.id), { streamedAt: null, progress: none });
    });

    it('count the rows of their target as they were before complete batches that were not applied', async () => {
      const begin = async (targetRows: bigint | null, isComplete = true) => {
        const { lease, batch } = await steps.begin({ isComplete, targetRows });
        await steps.control.batches.abandon(lease, batch, 'x');
        await steps.database.expireLease(VIEW);
        return batch.targetRows;
      };
      await steps.apply({ isComplete: true, targetRows: 3n });

      // A batch into a target that was made again, and is then restored.
      const counted = [await begin(0n), await begin(9n), await begin(12n), await begin(8n), await begin(9n)];

      assert.deepEqual(counted, [0n, 9n, 9n, 8n, 8n]);
      assert.deepEqual([await begin(null, false), await begin(0n)], [null, 0n]);
      await steps.apply({ isComplete: true, targetRows: 20n });
      assert.equal(await begin(20n), 20n);
    });

    it('are taken over by the new holder of the lease while they are being applied', async () => {
      const first = await steps.claim(await steps.stage());
      await steps.database.expireLease(VIEW);
      const second = await steps.claim(first.batch);

      assert.deepEqual([second.batch.state, second.batch.attempt], ['applying', 1]);
      await steps.control.batches.markApplied(second.lease, second.batch, COUNTS);
      assert.equal((await steps.control.batches.get(VIEW, first.batch.id)).state, 'applied');
    });

    it('are not claimed in a final state', async () => {
      const applied = await steps.apply();

      assert.equal((await steps.claim(applied)).batch.state, 'applied');
    });

    it('are not found with an unknown id, or under another view', async () => {
      const { batch } = await steps.begin();

      const refused = { kind: 'invalid_event', message: /has no ETL transaction/ };
      await assert.rejects(steps.control.batches.get(VIEW, batch.id + 1n), refused);
      await assert.rejects(steps.control.batches.get(OTHER_VIEW, batch.id), refused);
    });
  });

  describe('I4 one at a time', () => {
    it('a second batch of a view is refused in every state that is in flight', async () => {
      const { lease, batch } = await steps.begin();
      const second = () => steps.control.batches.begin(lease, newBatch());

      await assert.rejects(second(), { kind: 'superseded' });
      await steps.database.pool.query(`update etl.etl_transaction set state = 'staged'`);
      await assert.rejects(second(), { kind: 'superseded' });
      await steps.database.pool.query(`update etl.etl_transaction set state = 'applying'`);
      await assert.rejects(second(), { kind: 'superseded' });
      for (const state of ['applied', 'abandoned', 'failed']) {
        await steps.database.pool.query('update etl.etl_transaction set state = $1 where id = $2', [
          state,
          batch.id,
        ]);
        const { id } = await second();
        await steps.database.pool.query('delete from etl.etl_transaction where id = $1', [id]);
      }
    });

    it('only one of ten batches begins when they start concurrently with one lease', async () => {
      const lease = await steps.acquire();

      const begun = await Promise.allSettled(
        Array.from({ length: 10 }, () => steps.control.batches.begin(lease, newBatch())),
      );

      assert.equal(begun.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const each of begun) {
        if (each.status === 'rejected') assert.equal((each.reason as DataHubError).kind, 'superseded');
      }
      assert.equal(await steps.database.value('select count(*) from etl.etl_transaction'), 1n);
    });

    it('batches of other views continue', async () => {
      await steps.begin();

      const { view } = await steps.control.batches.begin(await steps.acquire(OTHER_VIEW), newBatch());
      assert.equal(view, OTHER_VIEW);
    });
  });

  describe('an abandoned batch', () => {
    it('leaves its view and its queued keys to a new batch', async () => {
      await steps.control.queuedKeys.add(VIEW, ['1', '2'], 'backfill');
      const { ids } = await steps.control.queuedKeys.due(VIEW, 2);
      const { lease, batch } = await steps.begin({ queuedKeyIds: ids });
      assert.deepEqual((await steps.control.queuedKeys.due(VIEW, 2)).ids, []);

      await steps.control.batches.abandon(lease, batch, 'its process ended');

      assert.deepEqual((await steps.control.queuedKeys.due(VIEW, 2)).ids, ids);
      const successor = await steps.control.batches.begin(lease, newBatch({ queuedKeyIds: ids }));
      assert.ok(successor.id > batch.id);
      assert.equal(
        await steps.database.value('select error from etl.etl_transaction where id = $1', [batch.id]),
        'its process ended',
      );
      assert.equal(await steps.control.checkpoints.read(VIEW), null);
    });

    it('is not abandoned when its state has changed since', async () => {
      const staged = await steps.stage();
      const { lease } = await steps.claim(staged);

      await assert.rejects(steps.control.batches.abandon(lease, { ...staged, state: 'staged' }, 'x'), {
        kind: 'superseded',
      });
      assert.equal((await steps.control.batches.get(VIEW, staged.id)).state, 'applying');
    });

    it('is never one that is being applied, because BigQuery may still apply it', async () => {
      const { lease, batch } = await steps.claim(await steps.stage());

      await assert.rejects(steps.control.batches.abandon(lease, batch, 'x'), RangeError);
    });
  });

  describe('I7 their ids', () => {
    it('start above the highest id in a target', async () => {
      const { batch } = await steps.begin();
      const highest = batch.id + 1_000_000n;

      await steps.control.batchIds.raise(highest);

      await steps.database.pool.query('truncate etl.etl_transaction, etl.lease cascade');
      assert.equal((await steps.begin()).batch.id, highest + 1n);
    });

    it('are never lowered', async () => {
      const { batch } = await steps.begin();

      for (const highest of [0n, 1n, batch.id - 1n, batch.id]) await steps.control.batchIds.raise(highest);

      await steps.database.pool.query('truncate etl.etl_transaction, etl.lease cascade');
      assert.ok((await steps.begin()).batch.id > batch.id);
    });

    it('skip far ahead of an id that an earlier control database issued', async () => {
      const { batch } = await steps.begin();

      await steps.control.batchIds.skip();
      const last = (await steps.database.value(
        `select nextval(pg_get_serial_sequence('etl.etl_transaction', 'id'))`,
      )) as bigint;
      await steps.control.batchIds.skip();

      assert.ok(last > batch.id + 999n);
      await steps.forgetBatches();
      assert.ok((await steps.begin()).batch.id >= last * 2n);
    });

    it('are not drawn while the generator is being raised', async () => {
      const { batch } = await steps.begin();
      const highest = batch.id + 1n;
      const draw = `select nextval(pg_get_serial_sequence('etl.etl_transaction', 'id')) as id`;
      const drawn: bigint[] = [];
      const drawing = await steps.database.pool.connect();
      try {
        await drawing.query('begin');
        await drawing.query('lock table etl.etl_transaction in row exclusive mode');
        const raising = steps.control.batchIds.raise(highest);
        await until(async () => {
          const waiting = `select count(*) from pg_locks where not granted and relation = 'etl.etl_transaction'::regclass`;
          return (await steps.database.value(waiting)) === 1n;
        });
        for (let i = 0; i < 3; i += 1) drawn.push((await drawing.query(draw)).rows[0].id);
        await drawing.query('commit');
        await raising;
      } finally {
        drawing.release(true);
      }

      assert.ok(drawn.every((id) => id > batch.id));
      const [next] = await steps.database.rows(draw);
      assert.equal(next?.id, (drawn.at(-1) ?? 0n) + 1n);
    });
  });
});
