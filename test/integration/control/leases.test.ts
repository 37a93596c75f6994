import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import type pg from 'pg';
import { createLeases } from '../../../shared/control/leases.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { inSeconds } from '../../support/deadline.ts';
import { until } from '../../support/until.ts';
import { useControl } from './control-server.ts';

const VIEW = 'pmr_project';

describe('leases', () => {
  const database = useControl();

  beforeEach(() => database.pool.query('truncate etl.lease'));

  const expiry = () => database.value('select expires_at from etl.lease where name = $1', [VIEW]);
  const acquire = async (seconds = 60) => {
    const lease = await database.control.leases.acquire(VIEW, seconds);
    assert.ok(lease);
    return lease;
  };

  it('I4 are acquired by only one of many concurrent processes', async () => {
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => database.control.leases.acquire(VIEW, 60)),
    );

    assert.equal(taken.filter((lease) => lease !== null).length, 1);
  });

  it('I4 are taken over after they expire by only one of many concurrent processes', async () => {
    await acquire();
    await database.expireLease(VIEW);

    const taken = await Promise.all(
      Array.from({ length: 20 }, () => database.control.leases.acquire(VIEW, 60)),
    );

    assert.equal(taken.filter((lease) => lease !== null).length, 1);
  });

  it('do not block the leases of other views', async () => {
    await acquire();

    assert.ok(await database.control.leases.acquire('pmr_inventory', 60));
  });

  it("expire by the control database's clock, whatever a process's clock says", async () => {
    await acquire(60);
    const machine = Date.now;
    Date.now = () => machine() + 3_600_000;
    try {
      assert.equal(await database.control.leases.acquire(VIEW, 60), null);
    } finally {
      Date.now = machine;
    }
    await database.expireLease(VIEW);
    assert.ok(await database.control.leases.acquire(VIEW, 60));
  });

  it('are kept by renewal, even after they expired unnoticed', async () => {
    const lease = await acquire();
    await database.expireLease(VIEW);

    await database.control.leases.renew(lease);

    assert.equal(await database.control.leases.acquire(VIEW, 60), null);
  });

  it('I4 cannot be renewed by a process that was superseded', async () => {
    const lease = await acquire();
    await database.expireLease(VIEW);
    await acquire();
    const expected = await expiry();

    await assert.rejects(database.control.leases.renew(lease), {
      kind: 'superseded',
      message: /pmr_project/,
      context: { view: VIEW },
    });
    assert.deepEqual(await expiry(), expected);
  });

  describe('during work', () => {
    it('are renewed by a heartbeat, and released afterwards', async () => {
      const lease = await acquire(1);
      using deadline = inSeconds(60);
      const result = await database.control.leases.withLease(lease, deadline, async () => {
        const taken = await expiry();
        await until(async () => Number(await expiry()) > Number(taken));
        assert.equal(await database.control.leases.acquire(VIEW, 60), null);
        assert.equal(deadline.signal.aborted, false);
        return 'done';
      });

      assert.equal(result, 'done');
      assert.ok(await database.control.leases.acquire(VIEW, 60));
    });

    it('are released when the work fails', async () => {
      const failing = database.control.leases.withLease(await acquire(), inSeconds(60), () =>
        Promise.reject(new Error('no')),
      );

      await assert.rejects(failing, { message: 'no' });
      assert.ok(await database.control.leases.acquire(VIEW, 60));
    });

    it('I4 abort the work when they are lost, and do not disturb the new holder', async () => {
      const lease = await acquire(1);
      using deadline = inSeconds(60);
      await database.control.leases.withLease(lease, deadline, async () => {
        await database.expireLease(VIEW);
        await acquire();
        await until(async () => deadline.signal.aborted);
        assert.ok(deadline.signal.reason instanceof DataHubError);
        assert.equal(deadline.signal.reason.kind, 'superseded');
      });

      assert.equal(await database.control.leases.acquire(VIEW, 60), null);
    });

    it('I4 expire at the time limit of work that hangs, which is aborted', async () => {
      const lease = await acquire(1);
      using deadline = inSeconds(0.3);
      await database.control.leases.withLease(lease, deadline, async () => {
        await until(async () => deadline.signal.aborted);
        assert.ok(deadline.signal.reason instanceof DataHubError);
        assert.equal(deadline.signal.reason.kind, 'transient');
        await until(async () => (await database.control.leases.acquire(VIEW, 60)) !== null);
      });
    });

    it('do not abort what goes on after their release, when a heartbeat comes late', async () => {
      const late = Promise.withResolvers<void>();
      let connections = 0;
      const pool: pg.Pool = Object.assign(Object.create(database.pool), {
        connect: async () => {
          connections += 1;
          if (connections === 2) await late.promise;
          return await database.pool.connect();
        },
      });
      const leases = createLeases(pool);
      const lease = await leases.acquire(VIEW, 1);
      assert.ok(lease);
      using deadline = inSeconds(60);
      await leases.withLease(lease, deadline, () => until(async () => connections === 2));
      late.resolve();
      await leases.acquire(VIEW, 1);
      await elapse(200);
      assert.equal(deadline.signal.aborted, false);
    });

    it('survive a short outage of the control database', async () => {
      const lease = await acquire(1);
      using deadline = inSeconds(60);
      await database.control.leases.withLease(lease, deadline, async () => {
        const others = `from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
        await database.pool.query(`select pg_terminate_backend(pid) ${others}`);
        const taken = await expiry();
        await until(async () => Number(await expiry()) > Number(taken));
        assert.equal(deadline.signal.aborted, false);
      });
    });
  });
});
