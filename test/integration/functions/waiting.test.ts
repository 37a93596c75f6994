import assert from 'node:assert/strict';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('batches and transactions that wait', () => {
  const { on } = useInstallation();

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  /** A process of the same installation, and its log lines. */
  const logging = async (settings: Record<string, string> = {}) => {
    const process = await on.anotherProcess(settings);
    return { process, sink: process.captureLog() };
  };

  describe('a staged batch', () => {
    const stagedFor = (time: string) =>
      on.control.query(
        `update etl.etl_transaction set staged_at = now() - $1::interval where state = 'staged'`,
        [time],
      );

    it('I4 is announced again for a day, and its log rows are not captured again', async () => {
      const batch = await on.stage();
      await stagedFor('23 hours');

      assert.partialDeepStrictEqual(await on.extract(), {
        outcome: 'republished',
        etlTransactionId: batch.etlTransactionId,
      });

      assert.deepEqual(await on.states(), ['staged']);
    });

    it('I2 is abandoned after a day, and its log rows are captured under a new batch id', async () => {
      await on.stage();
      await stagedFor('24 hours 1 minute');

      await on.replicate();

      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
      await on.assertEqual();
    });

    for (const view of ['pmr_project', STREAMED_ENTRY.name]) {
      it(`is not applied until its paused view runs again: ${view}`, async () => {
        await importConfiguration({ entries: [STREAMED_ENTRY] }, on.dependencies);
        await on.source.add('app_incident', { id: 1, type: 'leak' });
        const batch = await on.stage(view);
        await on.control.query('update etl.view_source set paused = true where name = $1', [view]);

        assert.equal((await on.apply(batch)).outcome, 'skipped');

        assert.deepEqual(await on.states(view), ['staged']);
        await on.control.query('update etl.view_source set paused = false where name = $1', [view]);
        assert.equal((await on.apply(batch)).outcome, 'applied');
      });
    }
  });

  it('I2 the rest of a capture that was cut and found nothing is requested at once', async () => {
    await on.replicate();
    const cutting = await on.anotherProcess({ MAX_BATCH_LOG_ROWS: '2' });
    for (let id = 1; id <= 3; id += 1) await on.source.add('app_company', { id, name: 'of no project' });
    await on.mailboxes.extract.take();

    assert.deepEqual(await cutting.extract(), {
      outcome: 'idle',
      view: 'pmr_project',
      logRows: '2',
      hasMore: true,
    });

    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'continue' }]);
    assert.partialDeepStrictEqual(await cutting.extract(), { outcome: 'idle', logRows: '1', hasMore: false });
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('I8 a transaction that has held back the floor for long causes a warning that names the oldest transaction', async () => {
    await on.replicate();
    const { process, sink } = await logging({ FLOOR_WARNING_SECONDS: '3600', GRACE_SECONDS: '3600' });
    // The age of other people's transactions is shown to those who may see everybody's.
    await on.source.database.query(`grant pg_read_all_stats to ${READER.name}`);
    const writer = await on.source.database.connect();
    try {
      await writer.query('begin');
      const { rows } = await writer.query('select pg_backend_pid() as pid, pg_current_xact_id()');
      // However old the horizon is, for example after a pause of the schedule: the transaction is known to be as old as the marker.
      await on.letHorizonsAge(24 * 3600);
      await process.extract();
      await on.letHorizonsAge(1800);
      await process.extract();
      assert.deepEqual(sink.records(), []);
      await on.letHorizonsAge(3600);

      await process.extract();

      const [line, ...others] = sink.records() as [Record<string, unknown>];
      assert.deepEqual(others, []);
      assert.partialDeepStrictEqual(line, {
        severity: 'WARNING',
        message: 'floor stuck',
        view: 'pmr_project',
        oldestTransaction: { pid: rows[0].pid },
      });
      assert.ok(Number(line.stuckSeconds) >= 5400);
      const { ageSeconds } = line.oldestTransaction as { ageSeconds: unknown };
      assert.ok(typeof ageSeconds === 'number' && ageSeconds >= 0 && ageSeconds < 600, String(ageSeconds));
    } finally {
      await writer.query('rollback');
      writer.release();
      await on.source.database.query(`revoke pg_read_all_stats from ${READER.name}`);
    }
  });

  it('the lag of a batch is the lag of its oldest change, in the log line and on the batch', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.change('app_project', 2, { name: 'due' });
    await on.source.database.query(
      `update models_logging_change set date_created = now() - interval '1 hour'
       where id = (select max(id) - 1 from models_logging_change)`,
    );
    const { process, sink } = await logging();

    await process.replicate();

    const applied = sink.records().find(({ message }) => message === 'batch applied');
    const { rows } = await on.control.query(
      `select (extract(epoch from lag) * 1000)::float8 as "lagMs" from etl.etl_transaction order by id desc limit 1`,
    );
    assert.equal(applied?.lagMs, rows[0].lagMs);
    assert.ok(rows[0].lagMs >= 3_600_000 && rows[0].lagMs < 4_200_000, String(rows[0].lagMs));
  });

  it('an extract waits ten seconds for a locked table, and is then retried later', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    const owner = await on.source.database.connect();
    try {
      await owner.query('begin');
      await owner.query('lock table app_project in access exclusive mode');
      const startedMs = performance.now();

      await assert.rejects(on.extract(), {
        kind: 'transient',
        message: /^source database: .*lock timeout/,
        context: { view: 'pmr_project', code: '55P03' },
      });

      assert.ok(performance.now() - startedMs >= 9_900);
    } finally {
      await owner.query('rollback');
      owner.release();
    }
    assert.equal(await on.haltedReason(), null);
    await on.replicate();
    await on.assertEqual();
  });
});
