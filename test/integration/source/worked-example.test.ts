import assert from 'node:assert/strict';
import { drawMarker } from '../../../shared/source/change-log.ts';
import { Items } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import { useSource } from './use-source.ts';

/** The example of docs/architecture.md#capture, step by step; its transaction ids begin at 700 there. */
describe('the worked example of the architecture', () => {
  const items = new Items(useSource(Items.SCHEMA));

  it('I2 I3 captures the late row and moves the floor past the hole', async () => {
    const { pool, connect } = items.source;
    // Stands for the minute of the example: a horizon is old enough when the test says so.
    let hasAMinutePassed = true;
    const replica = await Replica.load(pool, makeViewSource(), {
      rules: {
        drawMarker: (source, checkpoint) => drawMarker(source, checkpoint, hasAMinutePassed ? 0 : 3600),
      },
    });
    for (let id = 1; id <= 3; id += 1) await items.log(pool, id);
    await replica.capture();
    await replica.capture();
    assert.deepEqual(shape(replica), { floor: 3n, seen: '{}', horizons: [] });

    const a = await connect();
    await a.query('begin');
    await items.add(a, 4);
    await items.log(pool, 5);
    await items.log(pool, 6);
    const c = await connect();
    await c.query('begin');
    await items.log(c, 7);
    await c.query('rollback');

    await replica.capture();
    assert.deepEqual(shape(replica), { floor: 3n, seen: '{[5,7)}', horizons: ['6 unmarked'] });

    await items.log(pool, 8);
    await replica.capture();
    assert.deepEqual(shape(replica), {
      floor: 3n,
      seen: '{[5,7),[8,9)}',
      horizons: ['6 marked', '8 unmarked'],
    });

    await a.query('commit');
    hasAMinutePassed = false;
    const { logRows } = await replica.capture();
    assert.equal(logRows, 1n);
    assert.ok(replica.rows.has('4'));
    assert.deepEqual(shape(replica), { floor: 6n, seen: '{[8,9)}', horizons: ['8 unmarked'] });

    hasAMinutePassed = true;
    await replica.capture();
    assert.deepEqual(shape(replica), { floor: 8n, seen: '{}', horizons: [] });
  });
});

function shape({ checkpoint: { floorId, seen, horizons } }: Replica) {
  return {
    floor: floorId,
    seen,
    horizons: horizons.map(({ id, marker }) => `${id} ${marker === null ? 'unmarked' : 'marked'}`),
  };
}
