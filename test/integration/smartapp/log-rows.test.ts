import assert from 'node:assert/strict';
import type pg from 'pg';
import { DjangoRequest } from '../../smartapp/django-request.ts';
import { logRow } from '../../smartapp/log-row.ts';
import { MODELS } from '../../smartapp/models.ts';
import { Random } from '../../smartapp/random.ts';
import { tickingClock } from '../../smartapp/ticking-clock.ts';
import { useSampleServer } from '../../support/sample-server.ts';

describe("SMartApp's log rows", () => {
  const server = useSampleServer();
  let client: pg.PoolClient;
  let request: () => DjangoRequest;

  beforeEach(async () => {
    client = await server.connect().connect();
    await client.query('begin');
    const context = { random: new Random(1), clock: tickingClock(), highestId: new Map() };
    request = () => new DjangoRequest(client, context);
  });

  afterEach(async () => {
    await client.query('rollback');
    client.release();
    await server.disconnect();
  });

  const dataOf = (made: DjangoRequest) =>
    made.logRows.map(({ action, changedData }) => ({ action, changedData }));

  it('contain the values of a created row, the changes of a changed row, and all columns of a deleted row', async () => {
    const creating = request();
    const plan = await creating.create(MODELS.plan, { project_id: 1, remark: '', planned_date: null });
    const [added] = dataOf(creating);
    assert.equal(added?.action, 'added');
    assert.deepEqual(added?.changedData?.remark, { old: null, new: '' });
    assert.equal('planned_date' in (added?.changedData ?? {}), false);

    const changing = request();
    await changing.save(plan, { remark: '2/4', project_id: 1 });
    const [changed] = dataOf(changing);
    assert.equal(changed?.action, 'changed');
    assert.deepEqual(Object.keys(changed?.changedData ?? {}).sort(), ['remark', 'updated_at']);
    assert.deepEqual(changed?.changedData?.remark, { old: '', new: '2/4' });

    const deleting = request();
    await deleting.delete(plan);
    const [deleted] = dataOf(deleting);
    assert.equal(deleted?.action, 'deleted');
    assert.deepEqual(Object.keys(deleted?.changedData ?? {}).sort(), Object.keys(plan.row).sort());
    assert.deepEqual(deleted?.changedData?.remark, { old: '2/4' });
  });

  it('combine the changes of one object into one row, with the first action and the latest values', async () => {
    const both = request();
    const plan = await both.create(MODELS.plan, { project_id: 1, remark: '1/4' });
    await both.save(plan, { remark: '2/4' });
    const log = dataOf(both);
    assert.equal(log.length, 1);
    assert.equal(log[0]?.action, 'added');
    assert.deepEqual(log[0]?.changedData?.remark, { old: '1/4', new: '2/4' });
  });

  it('include changes that a savepoint rolled back', async () => {
    const nested = request();
    await nested.atomic(async () => {
      await nested.create(MODELS.plan, { project_id: 1 });
      return 'roll back';
    });
    assert.deepEqual(nested.changes, []);
    assert.deepEqual(
      dataOf(nested).map(({ action }) => action),
      ['added'],
    );
  });

  it('include one for each row that is deleted with its parent, children first', async () => {
    const creating = request();
    const inventory = await creating.create(MODELS.inventory, { project_id: 1 });
    const plan = await creating.create(MODELS.plan, { project_id: 1 });
    const item = await creating.create(MODELS.item, { pm_master_id: plan.id, inventory_id: inventory.id });
    const deleting = request();
    await deleting.delete(plan);
    assert.deepEqual(
      deleting.logRows.map(({ model, objectId, action }) => ({ model, objectId, action })),
      [
        { model: 'item', objectId: item.id, action: 'deleted' },
        { model: 'plan', objectId: plan.id, action: 'deleted' },
      ],
    );
  });

  it('can be written by hand, even with an invalid object id', async () => {
    const id = await logRow(client, { model: 'project', objectId: 'not a number', action: 'deleted' });
    const { rows } = await client.query(
      'select object_id, content_type_id, action from models_logging_change where id = $1',
      [id],
    );
    assert.deepEqual(rows, [{ object_id: 'not a number', content_type_id: 7, action: 'deleted' }]);
  });
});
