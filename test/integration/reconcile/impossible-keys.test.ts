import assert from 'node:assert/strict';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { useStack } from '../../support/use-installation.ts';

const KEY = `'0a000000-0000-0000-0000-000000000001'`;

describe('rows of a target whose keys no row of the view can have', () => {
  const stack = useStack();

  it('stay, until a person follows the advice', async () => {
    const thing = await ThingView.install(stack, {
      ...({ loadType: 'merge', keyType: 'uuid' } as const),
      columns: { note: 'text' },
    });
    const { on } = thing;
    await thing.put(KEY, { note: `'first'` });
    await thing.replicate();
    const table = `\`${on.parts.env.GOOGLE_CLOUD_PROJECT}.SMartDataAnalytics.thing\``;
    await on.query(
      `insert into ${table} (thing_id, note) values (${KEY.toUpperCase()}, 'spelled otherwise'), ('no uuid', '')`,
    );
    const result = await on.reconcile({ repair: true }, VIEW);
    assert.ok(result.outcome === 'differences found');
    assert.partialDeepStrictEqual(result, { extra: 2, repaired: 0 });
    await followAdvice(result.advice ?? '', on, VIEW);
    assert.equal((await on.reconcile({}, VIEW)).outcome, 'consistent');
    await thing.assertEqual();
  });
});
