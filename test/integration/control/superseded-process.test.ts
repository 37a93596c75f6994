import assert from 'node:assert/strict';
import type { Lease } from '../../../shared/control/leases.ts';
import { DataHubError } from '../../../shared/errors.ts';
import type { EtlTransaction } from '../../../shared/model/batch.ts';
import { COUNTS, checkpoint, DEFINITION, newBatch, STAGED, useBatchSteps, VIEW } from './batch-steps.ts';

describe('I4 a process that wakes up after its lease was taken over', () => {
  const steps = useBatchSteps();

  const awakening = {
    'begins no batch': async (stale: Lease) => steps.control.batches.begin(stale, newBatch()),
    'stages nothing': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.markStaged(stale, batch.id, STAGED),
    'claims nothing': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.claim(stale, batch.id, () => 'x'),
    'saves no progress': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.saveProgress(stale, batch.id, { rows: 1, counts: COUNTS }),
    'marks nothing as streamed': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.markStreamed(stale, batch.id, { rows: 1, counts: COUNTS }),
    'starts no attempt': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.markForNextAttempt(stale, batch, true),
    'applies nothing': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.markApplied(stale, batch, COUNTS),
    'abandons nothing': async (stale: Lease, batch: EtlTransaction) =>
      steps.control.batches.abandon(stale, batch, 'x'),
    'moves no checkpoint': async (stale: Lease) =>
      steps.control.checkpoints.move(stale, checkpoint(500n), {
        badKeys: 0n,
        hasMore: false,
        queuedKeyIds: [],
        definition: DEFINITION,
      }),
    'records no tables': async (stale: Lease) =>
      steps.control.viewSources.setWarehouseFingerprint(stale, 'x', {
        columns: ['id'],
        unfilled: [],
        policyTags: {},
      }),
    'halts nothing': async (stale: Lease) =>
      steps.control.failures.haltView(stale, {
        functionName: 'x',
        error: new DataHubError('bug', 'x'),
        event: {},
      }),
  };

  for (const [what, act] of Object.entries(awakening)) {
    for (const state of ['extracting', 'staged', 'applying'] as const) {
      if (what === 'abandons nothing' && state === 'applying') continue;
      it(`${what} of a batch that is ${state}`, async () => {
        const { lease: stale, batch } = await steps.begin();
        await steps.database.pool.query('update etl.etl_transaction set state = $1', [state]);
        await steps.database.expireLease(VIEW);
        await steps.acquire();
        const before = await steps.memory();

        await assert.rejects(act(stale, { ...batch, state }), { kind: 'superseded' });

        assert.equal(await steps.memory(), before);
      });
    }
  }

  it('changes nothing after it gets its lease back, once another process has owned the batch', async () => {
    const { lease: stale, batch } = await steps.begin();
    await steps.database.expireLease(VIEW);
    const heir = await steps.acquire();
    await steps.control.batches.abandon(heir, batch, 'its process ended');
    const successor = await steps.control.batches.begin(heir, newBatch());
    // Even if the first process had a valid lease, the batch's own token would distinguish the two.
    await steps.database.pool.query('update etl.lease set token = $1', [stale.token]);
    const before = await steps.memory();

    await assert.rejects(steps.control.batches.markStaged(stale, successor.id, STAGED), {
      kind: 'superseded',
    });
    await assert.rejects(steps.control.batches.markStaged(stale, batch.id, STAGED), { kind: 'superseded' });

    assert.equal(await steps.memory(), before);
  });
});
