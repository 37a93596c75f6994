import assert from 'node:assert/strict';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { type Fault, refuse } from '../../emulators/faults.ts';
import { STREAMED_ENTRY, type Staged } from '../../support/installation.ts';
import type { Table } from '../../support/sample-source.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { type Answer, deliver, deliverAll, type Message, takeMessages } from './deliver.ts';

/** One view per load type, with the call that the tests hold, and the fault that makes applying its batches fail permanently. */
const APPLIED: {
  view: string;
  to: 'merge' | 'stream';
  target: 'project' | 'incident';
  table: Table;
  column: string;
  call: string;
  refusal: Fault;
}[] = [
  {
    ...{ view: 'pmr_project', to: 'merge', target: 'project', table: 'app_project', column: 'name' },
    ...{ call: 'bigquery.job.query', refusal: failJob('invalidQuery') },
  },
  {
    ...{ view: STREAMED_ENTRY.name, to: 'stream', target: 'incident', table: 'app_incident', column: 'type' },
    ...{ call: 'AppendRows', refusal: refuse('INVALID_ARGUMENT') },
  },
];

describe('a redelivered message', () => {
  const { on, stack } = useInstallation({ settings: { MAX_BATCH_LOG_ROWS: '2' }, views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await deliverAll(on);
  });

  for (const { view, to, target, table, column, call, refusal } of APPLIED) {
    describe(`to ${to}`, () => {
      const change = (value: string) => on.source.change(table, 1, { [column]: value });
      const messageOf = (batch: Staged): Message => ({
        to,
        payload: { view, etlTransactionId: batch.etlTransactionId },
      });
      const snapshot = async () => [
        await on.batches(view),
        await on.checkpointOf(view),
        await on.errors(),
        await on.query(`select * from ${on.targetTable(target)} order by ${target}_id`),
      ];
      /** Delivers the message three times, twice concurrently, and asserts that nothing changes and that the answer gives the reason. */
      const assertNothingChanges = async (batch: Staged, answer: Partial<Answer> & { state?: string }) => {
        const before = await snapshot();
        const another = await on.anotherProcess();

        const answers = [
          await deliver(messageOf(batch), on),
          ...(await Promise.all([deliver(messageOf(batch), on), deliver(messageOf(batch), another)])),
        ];

        // When two are delivered concurrently, one may find the view busy with the other.
        const [alone, ...together] = answers;
        for (const each of [alone, ...together.filter(({ outcome }) => outcome !== 'busy')]) {
          assert.partialDeepStrictEqual(each, answer);
        }
        assert.deepEqual(await snapshot(), before);
      };

      it('I4 I7 changes nothing when its batch is applied and newer ones have followed', async () => {
        await change('older');
        const older = await on.stage(view);
        await deliver(messageOf(older), on);
        await change('newer');
        await on.source.delete(table, 2);
        await deliverAll(on);

        await assertNothingChanges(older, { outcome: 'already finished', state: 'applied' });
        await on.assertAllEqual();
      });

      it('I4 changes nothing when its batch was abandoned and its rows were captured again under a new batch id', async () => {
        await change('changed');
        const abandoned = await on.stage(view);
        const nowMs = () => Date.now() + 24 * 3_600_000 + 1000;
        const dayLater = await on.anotherProcess();
        dayLater.dependencies = { ...dayLater.dependencies, clock: { nowMs } };
        const renewed = await dayLater.stage(view);

        await assertNothingChanges(abandoned, { outcome: 'already finished', state: 'abandoned' });
        assert.partialDeepStrictEqual(await deliver(messageOf(renewed), on), {
          outcome: 'applied',
          changed: '1',
        });
        await assertNothingChanges(abandoned, { outcome: 'already finished', state: 'abandoned' });
        await on.assertAllEqual();
      });

      it('I8 is skipped while its view is halted by the failed batch, and finds the batch abandoned after the resume', async () => {
        await change('changed');
        const failed = await on.stage(view);
        stack.bigquery.faults.next(call, refusal);
        await assert.rejects(deliver(messageOf(failed), on));
        assert.notEqual(await on.haltedReason(view), null);

        await assertNothingChanges(failed, { outcome: 'skipped' });
        await on.dependencies.control.viewStops.resume(view);
        await assertNothingChanges(failed, { outcome: 'already finished', state: 'abandoned' });
        await deliverAll(on);
        await on.assertAllEqual();
      });

      it('I4 finds the view busy while its batch is being applied', async () => {
        await change('changed');
        const batch = await on.stage(view);
        const held = stack.bigquery.faults.holdNext(call);
        const applying = deliver(messageOf(batch), on);
        await held.reached;

        await assertNothingChanges(batch, { outcome: 'busy' });

        held.release();
        assert.partialDeepStrictEqual(await applying, { outcome: 'applied', changed: '1' });
        await on.assertAllEqual();
      });

      it('I4 changes nothing together with all later messages, delivered concurrently and in reverse order', async () => {
        await change('changed');
        await on.source.add(table, { id: 3, [column]: 'three' }, { id: 4, [column]: 'four' });
        const delivered = await deliverAll(on);
        const before = await snapshot();
        const another = await on.anotherProcess();

        const answers = await Promise.all(
          delivered.reverse().map((message, i) => deliver(message, i % 2 === 0 ? on : another)),
        );

        for (const { outcome } of answers) {
          assert.ok(['already finished', 'busy', 'idle', 'fanned out'].includes(outcome), outcome);
        }
        await deliverAll(on);
        const [batches, , errors, rows] = await snapshot();
        assert.deepEqual([batches, errors, rows], [before[0], before[2], before[3]]);
        await on.assertAllEqual();
      });
    });
  }

  describe('to extract', () => {
    it('I4 two concurrent ticks fan out twice, and each view still has one batch in flight', async () => {
      for (const table of ['app_project', 'app_incident'] as const) await on.source.add(table, { id: 3 });
      const another = await on.anotherProcess();
      const tick: Message = { to: 'extract', payload: { trigger: 'schedule' } };
      await Promise.all([deliver(tick, on), deliver(tick, another)]);
      const requests = await takeMessages(on);
      assert.equal(requests.length, 6);

      const answers = await Promise.all(requests.map((message, i) => deliver(message, i < 3 ? on : another)));

      assert.equal(answers.filter(({ outcome }) => outcome === 'staged').length, 2);
      await deliverAll(on);
      assert.deepEqual((await on.states()).slice(-1), ['applied']);
      await on.assertAllEqual();
    });

    it('I2 a continuation after a cut batch loses nothing when it arrives before that batch is applied, and twice', async () => {
      const rows = Array.from({ length: 5 }, (_, i) => ({ id: i + 10, name: `project ${i}` }));
      await on.source.add('app_project', ...rows);
      const continuation: Message = { to: 'extract', payload: { view: 'pmr_project', trigger: 'continue' } };
      const cut = await on.stage();
      assert.equal(cut.hasMore, true);

      assert.partialDeepStrictEqual(await deliver(continuation, on), {
        outcome: 'republished',
        etlTransactionId: cut.etlTransactionId,
      });
      await on.merge(cut);
      const [first, second] = await Promise.all([deliver(continuation, on), deliver(continuation, on)]);

      assert.deepEqual([first.outcome, second.outcome].sort()[1], 'staged');
      await deliverAll(on);
      assert.partialDeepStrictEqual(await deliver(continuation, on), { outcome: 'idle', logRows: '0' });
      await on.assertAllEqual();
    });

    it('I4 a late request to recapture a lost batch finds nothing to do', async () => {
      await on.source.change('app_incident', 1, { type: 'changed' });
      const batch = await on.stage(STREAMED_ENTRY.name);
      await on.bucket.file(`${batch.view}/${batch.etlTransactionId}/manifest.json`).delete();
      await takeMessages(on);
      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'recaptured' });
      const [recapture, ...others] = await takeMessages(on);
      assert.ok(recapture !== undefined && others.length === 0);
      await deliverAll(on);
      const batches = await on.batches(STREAMED_ENTRY.name);

      assert.partialDeepStrictEqual(await deliver(recapture, on), { outcome: 'idle', logRows: '0' });

      assert.deepEqual(await on.batches(STREAMED_ENTRY.name), batches);
      await on.assertAllEqual();
    });
  });
});
