import assert from 'node:assert/strict';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';

/** A key with Unicode's own ends of a line and of a paragraph, which JSON leaves as they are. */
const KEY = 'one\u2028two\u2029three';

describe('a check of rows that contain line separators', () => {
  const stack = useStack();

  it('compares them', async () => {
    // The rows of a view with a float are read one by one.
    const thing = await ThingView.install(stack, {
      loadType: 'merge',
      keyType: 'text',
      columns: { amount: 'float8' },
    });
    const { database } = thing.on.source;
    await database.query('insert into app_thing values ($1, 1.5)', [KEY]);
    await thing.replicate();
    const equal = await thing.on.check({}, VIEW);
    assert.equal(equal.outcome, 'consistent', JSON.stringify(equal));

    await database.query('update app_thing set amount = 2.5');
    const different = await thing.on.reconcile({}, VIEW);
    assert.ok(different.outcome === 'differences found', JSON.stringify(different));
    assert.equal(different.different, 1);
  });
});
