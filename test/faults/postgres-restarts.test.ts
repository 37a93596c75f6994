import assert from 'node:assert/strict';
import type pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { until } from '../support/until.ts';
import { useInstallation } from '../support/use-installation.ts';
import { closeGate, GATED_CHANGE, GATED_COPY } from './gate.ts';

describe('a restart of PostgreSQL', () => {
  const { on, stack } = useInstallation();
  /** The control database has its own server, so that each can go down alone. */
  let controlServer: Postgres;
  let installations = 0;

  before(async () => {
    controlServer = await startPostgres();
  });
  after(() => controlServer.stop());
  beforeEach(async () => {
    installations += 1;
    const name = `control_${installations}`;
    await controlServer.createDatabase(name);
    on.become(await stack.withNewControl(on, controlServer.url(name)));
    await on.source.database.query(
      `insert into app_project (id, name) select i, i from generate_series(1, 2000) i`,
    );
  });

  describe('with the source, during a copy', () => {
    beforeEach(() => on.source.database.query(GATED_COPY));

    it('I2 I8 is transient for an initial load: nothing is halted, and the next tick loads everything', async () => {
      await crashDuring(on.source.database, () => assert.rejects(on.extract(), { kind: 'transient' }));

      assert.deepEqual([await on.haltedReason(), await on.errors()], [null, []]);
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2000' });
      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
      await on.assertEqual();
    });

    it('I2 I8 is transient for changes: nothing is halted, and the next tick captures them again', async () => {
      await on.replicate();
      await on.source.change('app_project', 1000, { name: 'changed' });
      await on.source.delete('app_project', 1);
      await crashDuring(on.source.database, () => assert.rejects(on.extract(), { kind: 'transient' }));

      assert.deepEqual([await on.haltedReason(), await on.errors()], [null, []]);
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1', deleted: '1' });
      assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
      await on.assertEqual();
    });
  });

  describe('with the control database', () => {
    it('I2 during a copy: extract continues when the server is back', async () => {
      await on.source.database.query(GATED_COPY);
      const gate = await closeGate(on.source.database);
      const extracting = on.stage();
      await gate.reached();
      const { rows } = await on.control.query('select pg_backend_pid() as pid');
      await crash(on.control, rows[0].pid as number);
      await gate.open();

      const batch = await extracting;

      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2000' });
      await on.assertEqual();
    });

    it('I2 I5 while a batch is marked as applied: after the lease has expired, the next merge finds the job, and the batch is applied once', async () => {
      await on.control.query(GATED_CHANGE);
      const batch = await on.stage();
      await crashDuring(on.control, () => assert.rejects(on.merge(batch), { kind: 'transient' }));
      assert.deepEqual([await on.states(), await on.haltedReason()], [['applying'], null]);

      // The crashed merge could not release its lease.
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'busy' });
      await on.control.query(`update etl.lease set expires_at = now() - interval '1 second'`);
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2000' });

      assert.deepEqual(await on.query(`select count(*) as n from ${on.ledger()}`), [{ n: '1' }]);
      await on.assertEqual();
    });
  });

  /** Starts `work`, crashes the server once the work waits at the gate, and waits for the server to recover and the work to end. */
  async function crashDuring(database: pg.Pool, work: () => Promise<void>): Promise<void> {
    const gate = await closeGate(database);
    const working = work();
    await crash(database, await gate.reached());
    await working;
  }

  /**
   * Kills one of the server processes. PostgreSQL then ends all others, recovers from its log, and accepts connections again.
   * Resolves when it does.
   */
  async function crash(database: pg.Pool, pid: number): Promise<void> {
    const observer = await database.connect();
    const ended = new Promise<Error>((resolve) => observer.once('error', resolve));
    process.kill(pid, 'SIGKILL');
    observer.release(await ended);
    const isBack = () =>
      database.query('select').then(
        () => true,
        () => false,
      );
    await until(isBack);
  }
});
