import assert from 'node:assert/strict';
import { describeFloor } from '../../../cli/commands/log.ts';

describe('the floor of the change log', () => {
  const prune = 'delete from public."my log" where id < 42;';

  it('has the statement that prunes it, and who needs the oldest row', () => {
    const lines = describeFloor({
      changeLogTable: 'my log',
      floorId: '42',
      heldBack: { view: 'orders', by: 'check' },
      prune,
    });
    assert.deepEqual(lines, [
      'Nobody needs the rows of my log below id 42. As the owner of the log:',
      prune,
      'The oldest row that is needed: for the check of orders, which has not ended.',
    ]);
  });

  it('has no statement while nothing may be deleted', () => {
    const lines = describeFloor({ changeLogTable: 'my log', floorId: null, heldBack: null, prune: null });
    assert.deepEqual(lines, ['No row of my log may be deleted yet.']);
  });
});
