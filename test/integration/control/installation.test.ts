import assert from 'node:assert/strict';
import type pg from 'pg';
import { createControl } from '../../../shared/control/control.ts';
import { migrate } from '../../../shared/control/migrate.ts';
import { useControlServer } from './control-server.ts';

describe('I7 the identity of a control database', () => {
  const server = useControlServer();
  let url: string;
  let pool: pg.Pool;

  beforeEach(async () => {
    url = await server.createEmpty();
    pool = server.connect(url);
    await migrate(pool);
  });

  const id = () => createControl(pool).installation.id();
  const settle = () => createControl(pool).installation.settle();
  /** What a copy of the database finds that was made in another one. */
  const moveElsewhere = () => pool.query(`update etl.installation set home = '7000000000000000000/5'`);

  it('is another one in each new database, of which each has one', async () => {
    const other = server.connect(await server.createEmpty());
    await migrate(other);

    assert.match(await id(), /^[0-9a-f-]{36}$/);
    assert.notEqual(await createControl(other).installation.id(), await id());
    await assert.rejects(pool.query('insert into etl.installation default values'), { code: '23505' });
  });

  it('stays when a process starts again', async () => {
    const before = await id();

    assert.deepEqual([await settle(), await settle()], [null, null]);

    assert.equal(await id(), before);
  });

  it('becomes another one, once, in a database that is a copy', async () => {
    const before = await id();
    await settle();
    await moveElsewhere();

    const formers = await Promise.all(Array.from({ length: 5 }, settle));

    assert.deepEqual(formers.toSorted(), [before, null, null, null, null]);
    const after = await id();
    assert.notEqual(after, before);
    assert.equal(await settle(), null);
    assert.equal(await id(), after);
  });

  it('stays where the role may not read in which server it is', async () => {
    const before = await id();
    await settle();
    await moveElsewhere();
    await pool.query(
      `revoke execute on function pg_control_system() from public;
       create role poor; grant usage on schema etl to poor; grant select, update on etl.installation to poor`,
    );
    const poor = server.connect(`${url}?options=-c%20role%3Dpoor`);

    assert.equal(await createControl(poor).installation.settle(), null);

    assert.equal(await id(), before);
  });
});
