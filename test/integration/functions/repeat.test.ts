import assert from 'node:assert/strict';
import {
  dropAfterEffect,
  dropBefore,
  type Fault,
  type Faults,
  failAfterEffect,
  failBefore,
} from '../../emulators/faults.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('repeating a step', () => {
  const { on, stack } = useInstallation();

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  it('I4 extract announces the batch in flight again, and begins no other', async () => {
    const batch = await on.stage();
    await on.source.add('app_project', { id: 3, name: 'three' });

    const again = await on.extract();

    assert.deepEqual(again, {
      outcome: 'republished',
      view: 'pmr_project',
      etlTransactionId: batch.etlTransactionId,
    });
    const announced = { view: 'pmr_project', etlTransactionId: batch.etlTransactionId };
    assert.deepEqual(await on.mailboxes.merge.take(), [announced, announced]);
    await on.merge(batch);
    await on.replicate();
    await on.assertEqual();
  });

  it('I4 concurrent extracts: one extracts, the others find the view busy or the batch in flight', async () => {
    const others = await on.anotherProcess();

    const outcomes = await Promise.all([on.extract(), others.extract(), on.extract(), others.extract()]);

    assert.equal(outcomes.filter(({ outcome }) => outcome === 'staged').length, 1);
    for (const { outcome } of outcomes)
      assert.ok(['staged', 'busy', 'republished'].includes(outcome), outcome);
    assert.equal((await on.batches()).length, 1);
  });

  it('I5 merge finds the batch already finished, and changes nothing', async () => {
    const batch = await on.stage();
    await on.merge(batch);
    const target = await on.query(`select * from ${on.targetTable()} order by project_id`);
    const memory = [await on.batches(), await on.checkpointOf()];

    const again = await on.merge(batch);

    assert.partialDeepStrictEqual(again, { outcome: 'already finished', state: 'applied' });
    assert.deepEqual(await on.query(`select * from ${on.targetTable()} order by project_id`), target);
    assert.deepEqual([await on.batches(), await on.checkpointOf()], memory);
  });

  it('I4 I5 concurrent merges apply the batch once', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    const batch = await on.stage();
    const others = await on.anotherProcess();

    const outcomes = await Promise.all([on.merge(batch), others.merge(batch), on.merge(batch)]);

    assert.equal(outcomes.filter(({ outcome }) => outcome === 'applied').length, 1);
    assert.deepEqual(await on.query(`select count(*) as n, sum(changed) as changed from ${on.ledger()}`), [
      { n: '2', changed: '1' },
    ]);
    await on.assertEqual();
  });

  it('I5 merge by a process that does not know of an earlier merge gets the counts from the ledger', async () => {
    const batch = await on.stage();
    await on.merge(batch);
    // The state after a restore of the control database to a time before the merge.
    await on.control.query(`update etl.etl_transaction set state = 'staged', attempt = 2`);
    await on.control.query('delete from etl.checkpoint');

    const again = await on.merge(batch);

    assert.partialDeepStrictEqual(again, { outcome: 'applied', added: '2', changed: '0', deleted: '0' });
    await on.assertEqual();
  });

  it('I2 a tick announces the batch again when its announcement was lost', async () => {
    stack.pubsub.faults.next('pubsub.Publish', failBefore('PERMISSION_DENIED'));
    await assert.rejects(on.extract(), { kind: 'unauthorized' });
    assert.deepEqual(await on.mailboxes.merge.take(), []);
    assert.deepEqual(await on.states(), ['staged']);

    const republished = await on.extract();

    assert.equal(republished.outcome, 'republished');
    const [announced] = (await on.mailboxes.merge.take()) as { view: string; etlTransactionId: string }[];
    assert.ok(announced);
    await on.merge(announced);
    await on.assertEqual();
  });

  it('I4 an extract after another process died abandons its batch, and captures its log rows under a new batch id', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    // The load fails for a transient reason, and so does every other call until the process is gone.
    stack.bigquery.faults.next('bigquery.jobs.insert', failBefore(403, 'accessDenied'));
    await assert.rejects(on.extract(), { kind: 'unauthorized' });
    assert.deepEqual(await on.states(), ['applied', 'extracting']);

    const batch = await on.replicate();

    assert.equal(batch.changed, '1');
    assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
    await on.assertEqual();
  });

  it('ends with equal tables after lost answers of BigQuery, Cloud Storage and Pub/Sub', async () => {
    await on.replicate();
    let id = 10;
    const lostAnswers: [Faults, string, Fault][] = [
      [stack.bigquery.faults, 'bigquery.jobs.insert', dropAfterEffect()],
      [stack.bigquery.faults, 'bigquery.jobs.getQueryResults', failAfterEffect(503)],
      [stack.bigquery.faults, 'bigquery.jobs.get', dropBefore()],
      [stack.storage.faults, 'storage.objects.insert', dropAfterEffect()],
      [stack.pubsub.faults, 'pubsub.Publish', failAfterEffect('UNAVAILABLE')],
    ];
    for (const [faults, call, fault] of lostAnswers) {
      id += 1;
      await on.source.add('app_project', { id, name: `${call} ${id}` });
      await on.source.change('app_project', 1, { name: call });
      faults.next(call, fault);

      await settle();

      assert.deepEqual(faults.unused, [], `${call} was not called`);
      await on.assertEqual();
    }
    const ledger = await on.query(`select etl_transaction_id, count(*) as n from ${on.ledger()} group by 1`);
    assert.deepEqual(
      ledger.filter(({ n }) => n !== '1'),
      [],
    );
    const applied = (await on.batches()).filter(({ state }) => state === 'applied');
    assert.equal(applied.length, ledger.length);
  });

  /** Extracts and merges as Pub/Sub would trigger it, ignoring transient failures, until a tick finds nothing to do. */
  async function settle(): Promise<void> {
    for (let tries = 0; tries < 10; tries += 1) {
      try {
        const extracted = await on.extract();
        if (extracted.outcome === 'idle') return;
        if ('etlTransactionId' in extracted) await on.merge(extracted);
      } catch (error) {
        assert.ok(error instanceof Error && 'kind' in error && error.kind === 'transient', String(error));
      }
    }
    assert.fail('the view did not become idle');
  }
});
