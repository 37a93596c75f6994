import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import type { OpenFailure, ViewStatus } from '../../../shared/control/status.ts';
import { DataHubError, type ErrorKind } from '../../../shared/errors.ts';
import { failBefore } from '../../emulators/faults.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PROJECT = 'pmr_project';
const SITE = 'pmr_site';

type Status = { views: ViewStatus[]; failures: OpenFailure[]; failuresInAll: number };

describe('the status', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const status = async (view?: string) =>
    (await ask({ status: true, ...(view !== undefined && { view }) })) as Status;

  describe('of a view', () => {
    const viewStatus = async (view = PROJECT): Promise<ViewStatus> => {
      const [found] = (await status(view)).views;
      assert.ok(found);
      return found;
    };

    const add = (...ids: number[]) =>
      on.source.add('app_project', ...ids.map((id) => ({ id, name: `project ${id}` })));
    /** The source takes no connection of the functions while `work` runs. */
    const withoutSource = async (work: () => Promise<void>): Promise<void> => {
      await on.source.database.query('alter role reader connection limit 0');
      await on.source.database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'`,
      );
      await work().finally(() => on.source.database.query('alter role reader connection limit -1'));
    };

    it('I8 whose source is down is retrying, since when and until when, and runs again when it is back', async () => {
      await add(1);
      await withoutSource(async () => {
        await assert.rejects(on.extract(), { kind: 'transient' });
        const first = await viewStatus();
        assert.equal(first.state, 'retrying');
        assert.match(String(first.lastError), /source database/);
        assert.deepEqual([first.failedAttempts, waitSeconds(first)], [1, 10]);
        for (let attempts = 2; attempts <= 8; attempts += 1) await assert.rejects(on.extract());
        const last = await viewStatus();
        assert.deepEqual([last.failedAttempts, waitSeconds(last)], [8, 600]);
      });

      await on.stage();

      assert.partialDeepStrictEqual(await viewStatus(), {
        state: 'running',
        lastError: null,
        lastAttempt: null,
        nextAttempt: null,
        failedAttempts: 0,
      });
    });

    it('I8 whose merge fails is retrying until its batch is applied, however many ticks come', async () => {
      await add(1);
      const batch = await on.stage();
      stack.bigquery.faults.next('bigquery.jobs.insert', failBefore(401));
      await assert.rejects(on.merge(batch), { kind: 'unauthorized' });

      await on.extract();
      assert.equal((await viewStatus()).state, 'retrying');
      await on.merge(batch);

      assert.equal((await viewStatus()).state, 'running');
    });

    it('that a call by hand failed on has no next attempt, since nobody makes one', async () => {
      await add(1);
      const invocation = { functionName: 'extract', event: { view: PROJECT }, isByHand: true };
      await withoutSource(async () => {
        await assert.rejects(dispatch({ view: PROJECT }, invocation, on.dependencies));
      });
      const { state, lastAttempt, nextAttempt } = await viewStatus();

      assert.deepEqual([state, lastAttempt === null, nextAttempt], ['retrying', false, null]);
    });

    it('that was halted or resumed is not retrying any more', async () => {
      await add(1);
      await withoutSource(() => assert.rejects(on.extract()));
      await on.source.database.query(`update app_project set share = 'NaN'`);
      await assert.rejects(on.extract(), { kind: 'bad_data' });
      assert.partialDeepStrictEqual(await viewStatus(), { state: 'halted', lastError: null });
      await ask({ view: PROJECT, resume: true });
      await withoutSource(() => assert.rejects(on.extract()));
      await ask({ view: PROJECT, resume: true });

      assert.equal((await viewStatus()).state, 'running');
    });

    it('that was paused or halted says by whom, when and why', async () => {
      const invocation = { functionName: 'extract', event: {}, isByHand: true, caller: 'eva@example.com' };
      const ask = (payload: object, caller: string | null = invocation.caller) =>
        dispatch({ view: PROJECT, ...payload }, { ...invocation, caller }, on.dependencies);

      await ask({ pause: 'the server moves' });
      const { state, paused } = await viewStatus();
      assert.partialDeepStrictEqual(
        { state, paused },
        { state: 'paused', paused: { by: 'eva@example.com', why: 'the server moves' } },
      );
      assert.ok(Math.abs(Date.now() - Date.parse(String(paused?.since))) < 600_000);
      await ask({ pause: true, by: 'Ben' }, null);
      assert.deepEqual((await viewStatus()).paused, {
        since: paused?.since,
        by: 'Ben',
        why: null,
        until: null,
      });

      // Whom a call names is no proof.
      await ask({ halt: 'wrong figures', by: 'Ben' });
      assert.partialDeepStrictEqual(await viewStatus(), {
        state: 'halted',
        halted: { by: 'eva@example.com', why: 'wrong figures' },
      });
      await ask({ resume: true });
      assert.partialDeepStrictEqual(await viewStatus(), { state: 'running', paused: null, halted: null });

      await add(1);
      await on.source.change('app_project', 1, { share: 'NaN' });
      await assert.rejects(on.extract());
      assert.partialDeepStrictEqual((await viewStatus()).halted, { by: null });
    });

    it('has the rows of both sides, the last batch, the last day and the queued keys', async () => {
      assert.partialDeepStrictEqual(await viewStatus(), {
        rows: null,
        lastApplied: null,
        lastDay: { batches: 0, rows: '0' },
        queuedKeys: 0,
      });
      await add(1, 2, 3);
      await on.replicate();
      assert.partialDeepStrictEqual((await viewStatus()).rows, { source: '3', target: '3' });

      await on.source.delete('app_project', 1);
      await add(4, 5);
      await on.source.change('app_project', 2, { name: 'changed' });
      const { etlTransactionId } = await on.replicate();

      const found = await viewStatus();
      assert.partialDeepStrictEqual(found, {
        rows: { source: '4', target: '4', etlTransactionId },
        lastApplied: {
          ...{ etlTransactionId, kind: 'incremental' },
          ...{ added: '2', changed: '1', deleted: '1', unchanged: '0' },
        },
        lastDay: { batches: 2, rows: '7', unchanged: '0' },
      });
      await on.source.log('app_project', 2, 'changed', { name: {} });
      await on.source.log('app_project', 3, 'changed', { name: {} });
      await on.replicate();
      assert.partialDeepStrictEqual(await viewStatus(), {
        lastApplied: { changed: '0', unchanged: '2' },
        lastDay: { batches: 3, rows: '7', unchanged: '2' },
      });
      assert.ok((found.lastApplied?.durationSeconds ?? -1) >= 0);
      await ask({ view: PROJECT, keys: [1, 2] });
      assert.equal((await viewStatus()).queuedKeys, 2);
    });

    it('shows a difference of the rows that no log row explains', async () => {
      await add(1);
      await on.replicate();
      await on.source.database.query(`insert into app_project (id, name) values (2, 'not logged')`);
      await countAgain();
      await on.source.change('app_project', 1, { name: 'changed' });
      await on.replicate();

      assert.partialDeepStrictEqual((await viewStatus()).rows, { source: '2', target: '1' });
    });

    it('does not count the rows of a view again whose last count was slow', async () => {
      await add(1, 2);
      const first = await on.replicate();
      await on.control.query('update etl.view_source set source_counted_at = now(), source_count_ms = 5000');
      await on.source.change('app_project', 1, { name: 'changed' });
      await on.replicate();
      assert.equal((await viewStatus()).rows?.etlTransactionId, first.etlTransactionId);

      await countAgain();
      await on.source.change('app_project', 1, { name: 'changed again' });
      await on.replicate();
      assert.notEqual((await viewStatus()).rows?.etlTransactionId, first.etlTransactionId);
      await on.assertEqual();
    });

    it('does not stop a view whose rows cannot be counted because of a row that no log row names', async () => {
      await add(1);
      await on.replicate();
      await on.source.database.query(`
        create function is_shown(name text) returns boolean language plpgsql as
          $$begin if name = 'secret' then raise exception 'no %', name using errcode = 'XX001'; end if; return true; end$$;
        create or replace view pmr_project as select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
          from app_project p left join app_company c on c.id = p.company_id where is_shown(p.name)`);
      await on.extract();
      await on.replicate();
      await on.source.database.query(`insert into app_project (id, name) values (2, 'secret')`);
      await countAgain();
      await on.source.change('app_project', 1, { name: 'changed' });
      const log = on.captureLog();

      await on.replicate();

      const [line] = log.records().filter(({ message }) => message === 'rows not counted');
      assert.partialDeepStrictEqual(line, { severity: 'WARNING', view: PROJECT, kind: 'bug' });
      assert.doesNotMatch(JSON.stringify(line), /secret/);
      assert.equal((await viewStatus()).state, 'running');
      assert.deepEqual(
        (await on.target()).map(({ name }) => name),
        ['changed'],
      );
    });

    it('does not guess what a stream did to its target', async () => {
      await on.source.add('app_incident', { id: 1, type: 'one' });
      await on.replicate(STREAMED_ENTRY.name);
      assert.partialDeepStrictEqual((await viewStatus(STREAMED_ENTRY.name)).rows, {
        source: '1',
        target: '1',
      });
      await on.source.add('app_incident', { id: 2, type: 'two' });
      await on.replicate(STREAMED_ENTRY.name);

      assert.partialDeepStrictEqual((await viewStatus(STREAMED_ENTRY.name)).rows, {
        source: '2',
        target: null,
      });
    });

    const countAgain = () => on.control.query('update etl.view_source set source_counted_at = null');
    const waitSeconds = ({ lastAttempt, nextAttempt }: ViewStatus) =>
      Math.round((Date.parse(String(nextAttempt)) - Date.parse(String(lastAttempt))) / 1000);

    it('counts log rows without a valid key, with a warning whenever there are more', async () => {
      const sink = on.captureLog();
      const logBadKey = () =>
        on.source.database.query(
          `insert into models_logging_change (content_type_id, object_id, action, changed_data, date_created)
           select content_type_id, 'abc', 'changed', '{"name": {}}', now() from models_logging_change order by id limit 1`,
        );
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      assert.equal((await viewStatus()).badKeys, '0');

      await logBadKey();
      await logBadKey();
      await on.extract();
      assert.equal((await viewStatus()).badKeys, '2');
      await on.extract();
      await logBadKey();
      await on.source.change('app_project', 1, { name: 'changed' });
      const batch = await on.replicate();

      assert.equal((await viewStatus()).badKeys, '3');
      const warnings = sink.records().filter(({ message }) => message === 'bad keys skipped');
      assert.equal(warnings.length, 2);
      assert.partialDeepStrictEqual(warnings, [
        { severity: 'WARNING', view: PROJECT, badKeys: '2' },
        { severity: 'WARNING', view: PROJECT, badKeys: '1', etlTransactionId: batch.etlTransactionId },
      ]);
      await on.assertEqual();
    });
  });

  describe('of failures', () => {
    const fail = (kind: ErrorKind, view?: string) =>
      on.dependencies.control.failures.record({
        functionName: 'extract',
        event: {},
        error: new DataHubError(kind, 'x', { context: view === undefined ? {} : { view } }),
      });
    const ids = async (view?: string) => (await status(view)).failures.map(({ id }) => id);

    it('I8 shows the newest of more than a hundred first, and how many there are in all', async () => {
      for (let n = 0; n < 102; n += 1) await fail('invalid_event');

      const { failures, failuresInAll } = await status();

      assert.deepEqual(
        failures.map(({ id }) => id),
        Array.from({ length: 50 }, (_, i) => String(102 - i)),
      );
      assert.equal(failuresInAll, 102);
    });

    it('I8 shows a failure that halts a view before all others, however many came later', async () => {
      await on.source.add('app_project', { id: 1, name: 'one', share: 'NaN' });
      await assert.rejects(on.extract(), { kind: 'bad_data' });
      for (let n = 0; n < 60; n += 1) await fail('invalid_event');

      const { failures } = await status();

      assert.partialDeepStrictEqual(failures[0], {
        id: '1',
        view: PROJECT,
        kind: 'bad_data',
        haltsView: true,
      });
      assert.equal(failures[1]?.haltsView, false);
      assert.equal(failures[1]?.id, '61');
    });

    it('counts only the failures of the view that it is asked for', async () => {
      await fail('invalid_event', PROJECT);
      await fail('invalid_event', SITE);

      assert.deepEqual(
        [(await status(SITE)).failuresInAll, await ids(SITE), (await status()).failuresInAll],
        [1, ['2'], 2],
      );
    });

    it('is emptied by kind, by view, or by both', async () => {
      for (const view of [PROJECT, SITE, undefined]) {
        await fail('invalid_event', view);
        await fail('unauthorized', view);
      }

      const both = await ask({ view: SITE, resolve: 'invalid_event' });
      assert.deepEqual(both, { outcome: 'resolved', failures: ['3'] });
      assert.deepEqual(await ask({ view: PROJECT, resolve: true }), {
        outcome: 'resolved',
        failures: ['1', '2'],
      });
      assert.deepEqual(await ask({ resolve: 'invalid_event' }), { outcome: 'resolved', failures: ['5'] });

      assert.deepEqual(await ids(), ['6', '4']);
      await assert.rejects(ask({ resolve: true }), { kind: 'invalid_event' });
      await assert.rejects(ask({ resolve: 'invalid_evnt' }), { kind: 'invalid_event' });
      await assert.rejects(ask({ view: 'x', resolve: true }), { kind: 'invalid_event' });
    });
  });
});
