import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { PROJECT, useOperator } from './use-operator.ts';

describe('an operator', () => {
  const { on, ask, asked } = useOperator();

  describe('redrives', () => {
    it('I2 a view that a bad row has halted, after the row is corrected', async () => {
      await on.source.change('app_project', 2, { share: 'NaN' });
      await assert.rejects(on.extract(), { kind: 'bad_data' });
      await on.source.change('app_project', 2, { share: '0.5' });

      assert.deepEqual(await ask({ view: PROJECT, redrive: true }), { outcome: 'redriven', view: PROJECT });

      assert.deepEqual(await asked(), [{ view: PROJECT, trigger: 'redrive' }]);
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      await on.assertEqual();
    });

    it('dead-lettered events, to the function that failed with them', async () => {
      const { control } = on.dependencies;
      const event = { view: PROJECT, etlTransactionId: '7' };
      for (const functionName of ['merge', 'extract']) {
        await control.failures.record({ functionName, event, error: new DataHubError('bug', 'x') });
      }
      const { failures } = (await ask({ status: true })) as { failures: { id: string }[] };

      const answered = await ask({ redrive: failures.map(({ id }) => id) });

      assert.equal(answered.outcome, 'redriven');
      assert.deepEqual([await on.mailboxes.merge.take(), await asked()], [[event], [event]]);
      assert.deepEqual((await ask({ status: true })).failures, []);
    });

    it('no event by resuming its view: the event must still be redriven or resolved', async () => {
      const { control } = on.dependencies;
      const error = new DataHubError('invalid_event', 'x', { context: { view: PROJECT } });
      await control.failures.record({ functionName: 'extract', event: { view: PROJECT }, error });
      await control.failures.record({ functionName: 'extract', event: 'garbage', error });
      await ask({ view: PROJECT, resume: true });
      const open = async () =>
        ((await ask({ status: true })) as { failures: { id: string }[] }).failures.map(({ id }) => id);
      assert.deepEqual(await open(), ['2', '1']);

      await ask({ redrive: [1] });
      assert.deepEqual(await ask({ resolve: [2] }), { outcome: 'resolved', failures: ['2'] });

      assert.deepEqual(await open(), []);
    });

    it('or resolves failures, but none of them when one does not exist', async () => {
      const { control } = on.dependencies;
      const error = new DataHubError('bug', 'x');
      await control.failures.record({ functionName: 'merge', error, event: { view: PROJECT } });

      await assert.rejects(ask({ resolve: [1, 99_999] }), {
        kind: 'invalid_event',
        message: 'no failure has the id 99999',
      });

      assert.equal((await on.errors())[0]?.resolved_at, null);
      assert.deepEqual(await ask({ resolve: [1] }), { outcome: 'resolved', failures: ['1'] });
      assert.deepEqual(await ask({ resolve: [1] }), { outcome: 'resolved', failures: ['1'] });
    });

    for (const [what, event] of [
      ['does not exist', null],
      ['has no event', undefined],
      ['has an event that is not an object', 'garbage'],
    ] as const) {
      it(`no failure that ${what}, nor any other in the same request`, async () => {
        const { control } = on.dependencies;
        const failure = { functionName: 'merge', error: new DataHubError('bug', 'x') };
        await control.failures.record({ ...failure, event: { view: PROJECT } });
        if (event !== null) await control.failures.record({ ...failure, event });

        await assert.rejects(ask({ redrive: [1, 2] }), {
          kind: 'invalid_event',
          message: 'no event to send again for failure 2',
        });

        assert.deepEqual(await on.mailboxes.merge.take(), []);
      });
    }
  });
});
