import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { type ControlDatabase, useControl } from './control-server.ts';

const VIEW = 'pmr_project';

describe('queued keys', () => {
  const database = useControl({ views: [VIEW, 'pmr_inventory'] });
  let control: ControlDatabase['control'];

  before(() => {
    control = database.control;
  });
  beforeEach(() => database.pool.query('truncate etl.queued_key'));

  it('are taken for one view, oldest first, up to the requested number', async () => {
    await control.queuedKeys.add(VIEW, ['b', 'a', 'ü "quoted" \\ key'], 'backfill');
    await control.queuedKeys.add('pmr_inventory', ['z'], 'repair');
    await control.queuedKeys.add(VIEW, ['c'], 'repair');

    const taken = await control.queuedKeys.due(VIEW, 3);

    assert.deepEqual(taken.keys, ['b', 'a', 'ü "quoted" \\ key']);
    assert.equal(taken.kind, 'backfill');
    assert.equal(taken.ids.length, 3);
  });

  it('have no kind when none is due', async () => {
    assert.deepEqual(await control.queuedKeys.due(VIEW, 3), { ids: [], keys: [], kind: null });
  });

  it("of a recheck become due by the control database's clock", async () => {
    await control.queuedKeys.addRechecks(VIEW, 3600, Readable.from(['7\n', '8\n9\n']));
    assert.deepEqual((await control.queuedKeys.due(VIEW, 10)).keys, []);

    await database.pool.query(`update etl.queued_key set due_at = due_at - interval '50 minutes'`);
    assert.deepEqual((await control.queuedKeys.due(VIEW, 10)).keys, []);
    await database.pool.query(`update etl.queued_key set due_at = due_at - interval '10 minutes'`);

    assert.partialDeepStrictEqual(await control.queuedKeys.due(VIEW, 10), {
      keys: ['7', '8', '9'],
      kind: 'repair',
    });
  });

  it('of a recheck are queued together or not at all', async () => {
    async function* breaking() {
      yield '7\n';
      throw new Error('the source went away');
    }

    await assert.rejects(control.queuedKeys.addRechecks(VIEW, 0, Readable.from(breaking())), {
      message: /the source went away/,
    });

    assert.deepEqual((await control.queuedKeys.due(VIEW, 10)).keys, []);
    await control.queuedKeys.addRechecks(VIEW, 0, Readable.from(['8\n']));
    assert.deepEqual((await control.queuedKeys.due(VIEW, 10)).keys, ['8']);
  });
});
