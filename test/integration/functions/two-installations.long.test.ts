import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import type { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import type { Finding } from '../../../shared/source/inspect-server.ts';
import { failBefore } from '../../emulators/faults.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { type Installation, PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { DATASETS } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

const LABEL = 'smart_datahub_installation';
const MERGED = 'pmr_project';
const STREAMED = STREAMED_ENTRY.name;

const idOf = (installation: Installation) => installation.dependencies.control.installation.id();
const ask = async (installation: Installation, payload: object): Promise<Record<string, unknown>> => ({
  ...(await dispatch(payload, { functionName: 'extract', event: payload }, installation.dependencies)),
});
const failureOf = async (call: Promise<unknown>): Promise<DataHubError> =>
  await call.then(
    () => assert.fail('nothing failed'),
    (error: DataHubError) => error,
  );

for (const view of [MERGED, STREAMED]) {
  describe(`I7 two installations on the target of ${view}`, () => {
    const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });
    const [table, name] =
      view === MERGED ? (['app_project', 'project'] as const) : (['app_incident', 'incident'] as const);
    const column = view === MERGED ? 'name' : 'type';
    const target = () => on.bigquery.dataset('SMartDataAnalytics').table(name);
    const labels = async (): Promise<Record<string, string>> =>
      (await target().getMetadata())[0].labels ?? {};
    /** All tables, with what identifies them, what they are like and what they contain. */
    const everything = async () => {
      const tables = await Promise.all(
        Object.values(DATASETS).map(async (dataset) => (await on.bigquery.dataset(dataset).getTables())[0]),
      );
      return {
        metadata: await Promise.all(tables.flat().map(async (each) => (await each.getMetadata())[0])),
        rows: await on.target(name),
      };
    };
    /** The calls since `begin` that start a job, which may replace a procedure, or change a table. */
    const changingCalls = (begin: number) =>
      stack.bigquery.faults.calls.slice(begin).filter((call) => /insert|patch|update|delete/.test(call));
    /** Its first load would make a new target. */
    const newcomerWithOtherLayout = async () => {
      const reborn = await stack.withNewControl(on);
      const entry = view === MERGED ? PROJECT_ENTRY : STREAMED_ENTRY;
      const partition =
        view === MERGED
          ? { partition_column: 'opened', partition_granularity: 'month' as const }
          : { partition_granularity: 'year' as const };
      await importConfiguration({ entries: [{ ...entry, ...partition }] }, reborn.dependencies);
      return reborn;
    };
    const change = (text: string) => on.source.change(table, 1, { [column]: text });
    const letAnHourPass = (installation: Installation) =>
      installation.control.query(
        `update etl.view_source set target_checked_at = target_checked_at - interval '1 hour'`,
      );
    const assertHalted = async (halted: Installation, by: Installation, call: Promise<unknown>) => {
      const { kind, message } = await failureOf(call);
      assert.equal(kind, 'configuration', message);
      assert.equal(
        message,
        `table ${on.bigquery.projectId}.SMartDataAnalytics.${name} belongs to installation ${await idOf(by)}, not to this one, ${await idOf(halted)}: only one may feed it`,
      );
      assert.equal(await halted.haltedReason(view), message);
    };

    const findings = async (installation: Installation) =>
      ((await ask(installation, { check: true, view })).findings as Finding[]).filter(
        ({ check, ok }) => check === `target of ${view}` && !ok,
      );
    const forecast = async (installation: Installation) =>
      ((await ask(installation, { dryRun: true, view })).views as { would: string; advice?: string }[])[0];

    beforeEach(async () => {
      await on.source.add(table, { id: 1, [column]: 'one' }, { id: 2, [column]: 'two' });
      await on.replicate(view);
    });

    it('the target carries the id of its installation, besides the labels of others', async () => {
      assert.deepEqual(await labels(), { [LABEL]: await idOf(on) });
      assert.equal((await ask(on, { status: true })).installation, await idOf(on));
      await target().setMetadata({ labels: { team: 'sales' } });
      const reborn = await stack.takingOver(on);

      await reborn.replicate(view);

      assert.deepEqual(await labels(), { team: 'sales', [LABEL]: await idOf(reborn) });
    });

    it('a target of an earlier release gets the id, and the view goes on', async () => {
      await target().setMetadata({ labels: { team: 'sales', [LABEL]: null as unknown as string } });
      await change('uno');

      await on.replicate(view);

      assert.deepEqual(await labels(), { team: 'sales', [LABEL]: await idOf(on) });
      await on.assertEqual(view);
    });

    it('a new one halts at its first load, and has changed nothing', async () => {
      const before = await everything();
      const reborn = await newcomerWithOtherLayout();
      const begin = stack.bigquery.faults.calls.length;

      await assertHalted(reborn, on, reborn.extract(view));

      assert.deepEqual(changingCalls(begin), []);
      assert.deepEqual(await everything(), before);
      assert.deepEqual(await reborn.batches(view), []);
      await change('uno');
      await on.replicate(view);
      await on.assertEqual(view);
    });

    for (const [state, leave] of Object.entries({
      'beside the target': (replacement: string) => on.query(`create table \`${replacement}\` (id int64)`),
      'that has no name of its own yet': () =>
        on.query(`alter table ${on.targetTable(name)} rename to \`${name}-replacement\``),
    })) {
      it(`a new one leaves an unfinished new target ${state}`, async () => {
        const replacement = `${on.bigquery.projectId}.SMartDataAnalytics.${name}-replacement`;
        await leave(replacement);
        const reborn = await stack.withNewControl(on);
        const begin = stack.bigquery.faults.calls.length;

        await assert.rejects(reborn.extract(view), /belongs to installation/);

        assert.deepEqual(changingCalls(begin), []);
      });
    }

    it('a new one takes it over by the resync of an operator, says so, and the old one halts its view', async () => {
      const reborn = await stack.takingOver(on);
      const sink = reborn.captureLog();

      await reborn.replicate(view);

      assert.partialDeepStrictEqual(
        sink.records().find(({ message }) => message === 'target taken over'),
        { severity: 'WARNING', view, from: await idOf(on), to: await idOf(reborn) },
      );
      const { rows } = await reborn.control.query(
        `select details from etl.schema_change where kind = 'installation'`,
      );
      assert.deepEqual(rows, [{ details: { from: await idOf(on), to: await idOf(reborn) } }]);
      await change('uno');
      await assertHalted(on, reborn, on.extract(view));
      await reborn.replicate(view);
      await reborn.assertEqual(view);
      // It stays halted, whatever an operator does but a resync.
      await on.dependencies.control.viewStops.resume(view);
      await change('eins');
      await assertHalted(on, reborn, on.extract(view));
    });

    it('the old one notices within an hour if its view does not change', async () => {
      assert.equal((await on.extract(view)).outcome, 'idle');
      const reborn = await stack.takingOver(on);
      await reborn.replicate(view);
      await letAnHourPass(on);

      await assertHalted(on, reborn, on.extract(view));
    });

    it('a batch that the old one staged before is not applied', async () => {
      await change('old');
      const staged = await on.stage(view);
      const reborn = await stack.takingOver(on);
      await change('new');
      await reborn.replicate(view);

      await assertHalted(on, reborn, on.apply(staged));

      await reborn.assertEqual(view);
      assert.deepEqual((await on.states(view)).at(-1), 'failed');
    });

    it('a batch that the old one staged in the same moment, under a higher id, is not applied', async () => {
      const reborn = await stack.takingOver(on);
      const held = stack.bigquery.faults.holdNext('bigquery.tables.patch');
      const loading = reborn.stage(view);
      await held.reached;
      await on.control.query(`select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), 5000)`);
      await change('old');
      const staged = await on.stage(view);
      held.release();
      await change('new');
      const loaded = await loading.catch(() => reborn.stage(view));
      await reborn.apply(loaded);

      await assertHalted(on, reborn, on.apply(staged));

      await on.source.add(table, { id: 3, [column]: 'three' });
      await reborn.replicate(view);
      await reborn.assertEqual(view);
    });

    it('the advice, followed literally, gives it back, and the new one halts', async () => {
      const reborn = await stack.takingOver(on);
      await reborn.replicate(view);
      await change('uno');
      const { advice } = await failureOf(on.extract(view));
      const [followed] = /stop the other .*?then send \{.*?\}/.exec(advice) ?? assert.fail(advice);

      await followAdvice(followed, on, view);

      await on.replicate(view);
      assert.deepEqual(await labels(), { [LABEL]: await idOf(on) });
      await change('eins');
      await on.replicate(view);
      await on.assertEqual(view);
      await assertHalted(reborn, on, reborn.extract(view));
      // The other half of the advice: the view is given up, and its table stays.
      const [givenUp] = /send (\{[^}]*"forget":true\})/.exec(advice)?.slice(1) ?? assert.fail(advice);
      const payload = JSON.parse(givenUp ?? '');
      assert.equal((await ask(reborn, payload)).outcome, 'confirmation needed');
      assert.equal((await ask(reborn, { ...payload, confirm: view })).outcome, 'forgotten');
      await on.assertEqual(view);
    });

    it('a resync that the system requests does not take it back', async () => {
      const reborn = await stack.takingOver(on);
      await reborn.replicate(view);
      await on.control.query(
        'update etl.view_source set resync_requested_at = now(), resync_by_system = true where name = $1',
        [view],
      );

      await assertHalted(on, reborn, on.extract(view));

      assert.equal((await labels())[LABEL], await idOf(reborn));
    });

    it('no batch is staged before the target has the id of its installation', async () => {
      const reborn = await stack.takingOver(on);
      stack.bigquery.faults.next('bigquery.tables.patch', failBefore(403, 'accessDenied'));

      await assert.rejects(reborn.extract(view), { kind: 'unauthorized' });

      assert.deepEqual(await reborn.batches(view), []);
      assert.equal((await labels())[LABEL], await idOf(on));
      await reborn.replicate(view);
      assert.equal((await labels())[LABEL], await idOf(reborn));
    });

    it('an empty view takes no target over, whatever its layout, so that the other one goes on', async () => {
      const before = await everything();
      const reborn = await newcomerWithOtherLayout();
      await ask(reborn, { view, resync: true });
      await on.source.database.query(
        view === MERGED ? 'update app_project set is_dummy = true' : 'delete from app_incident',
      );

      const begin = stack.bigquery.faults.calls.length;

      await assert.rejects(reborn.extract(view), /has no rows, but its target has 2/);

      // The query that counts the rows.
      assert.deepEqual(changingCalls(begin), ['bigquery.jobs.insert']);
      assert.deepEqual(await everything(), before);
    });

    describe('that has no label', () => {
      beforeEach(() => target().setMetadata({ labels: { [LABEL]: null as unknown as string } }));

      it('a first load takes it over with a warning, before which check and dry run say so', async () => {
        const reborn = await stack.withNewControl(on);
        const sink = reborn.captureLog();
        const said = `table ${on.bigquery.projectId}.SMartDataAnalytics.${name} has rows or batches from before, and no label of an installation; the first load takes it over`;

        const [found] = await findings(reborn);
        assert.equal(found?.message, said);
        assert.equal((await forecast(reborn))?.would, `load the whole view: ${said}`);
        await reborn.replicate(view);

        assert.partialDeepStrictEqual(
          sink.records().find(({ message }) => message === 'target taken over'),
          { severity: 'WARNING', view, from: null, to: await idOf(reborn) },
        );
        assert.equal((await labels())[LABEL], await idOf(reborn));
      });

      it('a first load says nothing of one that has neither rows nor batches', async () => {
        await on.query(`truncate table ${on.targetTable(name)}`);
        if (view === MERGED) await on.query(`delete from ${on.ledger()} where view = '${view}'`);
        const reborn = await stack.withNewControl(on);
        // The jobs and objects of the former control database have its batch ids.
        await reborn.control.query(
          `select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), 5000)`,
        );
        const sink = reborn.captureLog();

        assert.deepEqual(await findings(reborn), []);
        assert.equal((await forecast(reborn))?.would, 'load the whole view');
        await reborn.stage(view);

        assert.ok(!sink.records().some(({ message }) => message === 'target taken over'));
        assert.equal((await labels())[LABEL], await idOf(reborn));
      });

      it('the own one goes on without a word', async () => {
        const sink = on.captureLog();
        assert.deepEqual(await findings(on), []);
        await change('uno');
        await on.replicate(view);
        assert.ok(!sink.records().some(({ message }) => message === 'target taken over'));
        await on.assertEqual(view);
      });
    });

    describe('check and dry run', () => {
      it('say nothing of a target that belongs to this one', async () => {
        assert.deepEqual(await findings(on), []);
        assert.deepEqual(await forecast(on), { view, would: 'find nothing to do', ...NOTHING });
      });

      it('say before the first tick of a new one that it will halt, and change nothing', async () => {
        const reborn = await stack.withNewControl(on);
        const said = `table ${on.bigquery.projectId}.SMartDataAnalytics.${name} belongs to installation ${await idOf(on)}, not to this one, ${await idOf(reborn)}: only one may feed it`;
        const entry = view === MERGED ? PROJECT_ENTRY : STREAMED_ENTRY;

        const [found] = await findings(reborn);

        assert.equal(found?.message, said);
        assert.match(found?.advice ?? '', /stop the other installation/);
        assert.partialDeepStrictEqual(await forecast(reborn), {
          would: `fail: ${said}`,
          advice: found?.advice,
        });
        const imported = await ask(reborn, { import: [entry], dryRun: true });
        assert.ok((imported.findings as Finding[]).some(({ message }) => message === said));
        await change('uno');
        await on.replicate(view);
        await on.assertEqual(view);
      });

      it('say before the tick after a resync what it takes over', async () => {
        const reborn = await stack.takingOver(on);
        const said = `table ${on.bigquery.projectId}.SMartDataAnalytics.${name} belongs to installation ${await idOf(on)}; the next batch takes it over for this one, ${await idOf(reborn)}, and the other one halts its view`;
        const entry = view === MERGED ? PROJECT_ENTRY : STREAMED_ENTRY;

        const [found] = await findings(reborn);

        assert.equal(found?.message, said);
        assert.partialDeepStrictEqual(await forecast(reborn), {
          would: `load the whole view again: ${said}`,
          advice: found?.advice,
        });
        const imported = await ask(reborn, { import: [entry], dryRun: true });
        assert.ok((imported.findings as Finding[]).some(({ message }) => message === said));
        // The advice: the request is withdrawn, and the other one goes on.
        const [withdrawn] = /send \{.*?\}/.exec(found?.advice ?? '') ?? assert.fail(found?.advice);
        await followAdvice(withdrawn, reborn, view);
        await assertHalted(reborn, on, reborn.extract(view));
        await change('uno');
        await on.replicate(view);
        await on.assertEqual(view);
      });

      it('say it of a view that waits or is over budget, too', async () => {
        const reborn = await stack.takingOver(on);
        await reborn.replicate(view);
        await on.control.query(
          'update etl.view_source set daily_budget_bytes = 1, resync_requested_at = now(), resync_by_system = true where name = $1',
          [view],
        );
        await on.control.query(
          `insert into etl.job_usage (job_id, view_name, bytes_billed, slot_ms, ended_at) values ('own', $1, 1000, 0, now())`,
          [view],
        );

        assert.match((await forecast(on))?.would ?? '', /^fail: table .* belongs to installation/);
      });

      it('say it to the old one before its next tick', async () => {
        const reborn = await stack.takingOver(on);
        await reborn.replicate(view);

        const [found] = await findings(on);

        assert.match(found?.message ?? '', new RegExp(`installation ${await idOf(reborn)}, not to this one`));
        assert.match(found?.advice ?? '', /"resync":true/);
        assert.equal((await forecast(on))?.would, `fail: ${found?.message}`);
        await change('uno');
        await assertHalted(on, reborn, on.extract(view));
      });

      it('of a staged batch say that it cannot be applied', async () => {
        await change('old');
        await on.stage(view);
        const reborn = await stack.takingOver(on);
        await reborn.replicate(view);

        assert.match((await forecast(on))?.would ?? '', /^fail: table .* belongs to installation/);
      });
    });

    describe('of which one is a copy of the control database', () => {
      it('the copy has an id of its own and halts, and the original goes on', async () => {
        const original = await idOf(on);
        const copy = await stack.withCopiedControl(on);
        assert.equal(await idOf(on), original);
        assert.notEqual(await idOf(copy), original);
        await change('uno');

        await assertHalted(copy, on, copy.extract(view));

        await on.replicate(view);
        await on.assertEqual(view);
        assert.equal((await labels())[LABEL], original);
      });

      it('the advice, followed literally, lets the copy go on without a resync', async () => {
        const copy = await stack.withCopiedControl(on);
        await change('uno');
        const { advice } = await failureOf(copy.extract(view));
        const [followed] =
          /run in the control database: .*?then send \{.*?\}/.exec(advice) ?? assert.fail(advice);

        await followAdvice(followed, copy, view);

        assert.equal(await idOf(await copy.anotherProcess()), await idOf(on));
        assert.partialDeepStrictEqual(await copy.replicate(view), { changed: '1' });
        await copy.assertEqual(view);
      });

      it('keeps its id when its processes start again', async () => {
        const copy = await stack.withCopiedControl(on);
        const id = await idOf(copy);

        assert.equal(await idOf(await copy.anotherProcess()), id);
      });
    });
  });
}

/** What a dry run says of a capture without changes. */
const NOTHING = { logRows: '0', upserts: '0', deletes: '0', badKeys: '0', queuedKeys: '0' };

describe('an operator who purges the target of another installation', () => {
  const { on, stack } = useInstallation();

  it('is refused', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    await on.source.delete('app_project', 1);
    await on.replicate();
    await on.source.add('app_project', { id: 2, name: 'two' });
    const reborn = await stack.takingOver(on);
    await reborn.replicate();
    const payload = { view: MERGED, purgeDeletedBefore: new Date(Date.now()).toISOString() };

    await assert.rejects(ask(on, payload), { kind: 'configuration', message: /belongs to installation/ });
    await assert.rejects(ask(on, { ...payload, confirm: MERGED }), /belongs to installation/);

    assert.equal((await on.target()).length, 2);
  });
});
