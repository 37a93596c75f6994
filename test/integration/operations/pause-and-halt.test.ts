import assert from 'node:assert/strict';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { PROJECT_ENTRY, SITE_ENTRY } from '../../support/installation.ts';
import { INCIDENTS, PROJECT, useOperator } from './use-operator.ts';

describe('an operator', () => {
  const { on, ask, asked } = useOperator();

  describe('pauses a view', () => {
    it('whose batch in flight waits until it is resumed', async () => {
      const batch = await on.stage();

      assert.deepEqual(await ask({ view: PROJECT, pause: true }), { outcome: 'paused', view: PROJECT });

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'skipped', reason: 'paused' });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
      assert.deepEqual(await on.states(), ['staged']);
      await ask({ view: PROJECT, resume: true });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });
      await on.assertEqual();
    });

    it('while the others continue', async () => {
      await ask({ view: PROJECT, pause: true });

      await ask({});

      assert.deepEqual(
        (await asked()).map((event) => (event as { view: string }).view),
        ['pmr_site', INCIDENTS],
      );
    });
  });

  it('I8 halts a view with a reason, until it is resumed', async () => {
    const batch = await on.stage();

    await ask({ view: PROJECT, halt: 'the figures look wrong' });

    assert.equal(await on.haltedReason(), 'the figures look wrong');
    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
    assert.partialDeepStrictEqual(await on.extract(), {
      outcome: 'skipped',
      reason: 'halted: the figures look wrong',
    });
    await ask({ view: PROJECT, resume: true });
    await on.merge(batch);
    await on.assertEqual();
  });

  it('imports a halted view, which stays halted, as the answer says', async () => {
    await ask({ view: PROJECT, halt: 'broken' });
    const entries = [PROJECT_ENTRY, SITE_ENTRY];

    const { halted, advice } = await importConfiguration({ entries }, on.dependencies);

    assert.deepEqual(halted, [PROJECT]);
    assert.match(advice ?? '', /\{"view":"pmr_project","resume":true\}/);
    await followAdvice(advice ?? '', on, PROJECT);
    assert.equal('halted' in (await importConfiguration({ entries }, on.dependencies)), false);
  });

  it('resyncs a paused view, which stays paused, and is loaded when it is resumed', async () => {
    await on.replicate();
    await on.query(`update SMartDataAnalytics.project set name = 'wrong' where project_id = 1`);
    await ask({ view: PROJECT, pause: 'the source is being moved', by: 'Eva' });
    await ask({ view: PROJECT, halt: 'broken' });

    assert.partialDeepStrictEqual(await ask({ view: PROJECT, resync: true }), {
      outcome: 'resync requested',
      paused: true,
      advice:
        'The view stays paused. The resync begins when you resume it: {"view":"pmr_project","resume":true}.',
    });

    assert.partialDeepStrictEqual(await ask({ status: true, view: PROJECT }), {
      views: [
        {
          state: 'paused',
          halted: null,
          paused: { by: 'Eva', why: 'the source is being moved' },
          resyncRequested: true,
        },
      ],
    });
    assert.deepEqual(await asked(), []);
    assert.partialDeepStrictEqual(await on.extract(), { outcome: 'skipped', reason: 'paused' });
    await ask({ view: PROJECT, resume: true });
    await on.replicate();
    await on.assertEqual();
  });
});
