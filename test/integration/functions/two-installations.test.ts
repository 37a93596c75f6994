import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import type { DataHubError } from '../../../shared/errors.ts';
import type { Finding } from '../../../shared/source/inspect-server.ts';
import { failBefore } from '../../emulators/faults.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
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
        `table ${on.bigquery.projectId}.SMartDataAnalytics.${name} belongs to installation ${await idOf(by)}, which has loaded it, and no longer to this one, ${await idOf(halted)}: only one may feed it`,
      );
      assert.equal(await halted.haltedReason(view), message);
    };

    beforeEach(async () => {
      await on.source.add(table, { id: 1, [column]: 'one' }, { id: 2, [column]: 'two' });
      await on.replicate(view);
    });

    it('the target carries the id of its installation, besides the labels of others', async () => {
      assert.deepEqual(await labels(), { [LABEL]: await idOf(on) });
      assert.equal((await ask(on, { status: true })).installation, await idOf(on));
      await target().setMetadata({ labels: { team: 'sales' } });
      const reborn = await stack.withNewControl(on);

      await reborn.replicate(view);

      assert.deepEqual(await labels(), { team: 'sales', [LABEL]: await idOf(reborn) });
    });

    it('a target of an earlier release gets the id, and the view goes on', async () => {
      await target().setMetadata({ labels: { team: 'sales', [LABEL]: null as unknown as string } });
      await on.control.query('update etl.view_source set target_installation = null');
      await change('uno');

      await on.replicate(view);

      assert.deepEqual(await labels(), { team: 'sales', [LABEL]: await idOf(on) });
      await on.assertEqual(view);
    });

    it('a new one takes it over, says so, and the old one halts its view', async () => {
      const reborn = await stack.withNewControl(on);
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
      const reborn = await stack.withNewControl(on);
      await reborn.replicate(view);
      await letAnHourPass(on);

      await assertHalted(on, reborn, on.extract(view));
    });

    it('a batch that the old one staged before is not applied', async () => {
      await change('old');
      const staged = await on.stage(view);
      const reborn = await stack.withNewControl(on);
      await change('new');
      await reborn.replicate(view);

      await assertHalted(on, reborn, on.apply(staged));

      await reborn.assertEqual(view);
      assert.deepEqual((await on.states(view)).at(-1), 'failed');
    });

    it('a batch that the old one staged in the same moment, under a higher id, is not applied', async () => {
      const reborn = await stack.withNewControl(on);
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
      const reborn = await stack.withNewControl(on);
      await reborn.replicate(view);
      await change('uno');
      const { advice } = await failureOf(on.extract(view));
      const [followed] = /then send \{.*?\} here, which takes/.exec(advice) ?? assert.fail(advice);

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
      const reborn = await stack.withNewControl(on);
      await reborn.replicate(view);
      await on.control.query(
        'update etl.view_source set resync_requested_at = now(), resync_by_system = true where name = $1',
        [view],
      );

      await assertHalted(on, reborn, on.extract(view));

      assert.equal((await labels())[LABEL], await idOf(reborn));
    });

    it('no batch is staged before the target has the id of its installation', async () => {
      const reborn = await stack.withNewControl(on);
      stack.bigquery.faults.next('bigquery.tables.patch', failBefore(403, 'accessDenied'));

      await assert.rejects(reborn.extract(view), { kind: 'unauthorized' });

      assert.deepEqual(await reborn.batches(view), []);
      assert.equal((await labels())[LABEL], await idOf(on));
      await reborn.replicate(view);
      assert.equal((await labels())[LABEL], await idOf(reborn));
    });

    it('an empty view takes no target over, so that the other one goes on', async () => {
      await on.source.database.query(
        view === MERGED ? 'update app_project set is_dummy = true' : 'delete from app_incident',
      );
      const reborn = await stack.withNewControl(on);

      await assert.rejects(reborn.extract(view), /has no rows, but its target has 2/);

      assert.equal((await labels())[LABEL], await idOf(on));
    });

    describe('check and dry run', () => {
      const findings = async (installation: Installation) =>
        ((await ask(installation, { check: true, view })).findings as Finding[]).filter(
          ({ check, ok }) => check === `target of ${view}` && !ok,
        );
      const forecast = async (installation: Installation) =>
        ((await ask(installation, { dryRun: true, view })).views as { would: string; advice?: string }[])[0];

      it('say nothing of a target that belongs to this one', async () => {
        assert.deepEqual(await findings(on), []);
        assert.deepEqual(await forecast(on), { view, would: 'find nothing to do', ...NOTHING });
      });

      it('say before the first tick of a new one whose target it would take over, and change nothing', async () => {
        const reborn = await stack.withNewControl(on);
        const said = `table ${on.bigquery.projectId}.SMartDataAnalytics.${name} belongs to installation ${await idOf(on)}; the next batch takes it over for this one, ${await idOf(reborn)}, and the other one halts its view`;

        const [found] = await findings(reborn);

        assert.equal(found?.message, said);
        assert.match(found?.advice ?? '', /let this one use other datasets/);
        assert.partialDeepStrictEqual(await forecast(reborn), {
          would: `load the whole view: ${said}`,
          advice: found?.advice,
        });
        await change('uno');
        await on.replicate(view);
        await on.assertEqual(view);
      });

      it('say it to the old one before its next tick', async () => {
        const reborn = await stack.withNewControl(on);
        await reborn.replicate(view);

        const [found] = await findings(on);

        assert.match(
          found?.message ?? '',
          new RegExp(`installation ${await idOf(reborn)}, which has loaded it`),
        );
        assert.match(found?.advice ?? '', /"resync":true/);
        assert.equal((await forecast(on))?.would, `fail: ${found?.message}`);
        await change('uno');
        await assertHalted(on, reborn, on.extract(view));
      });

      it('of a staged batch say that it cannot be applied', async () => {
        await change('old');
        await on.stage(view);
        const reborn = await stack.withNewControl(on);
        await reborn.replicate(view);

        assert.match((await forecast(on))?.would ?? '', /^fail: table .* belongs to installation/);
      });
    });

    describe('of which one is a copy of the control database', () => {
      it('the copy has an id of its own and goes on without a resync, and the original halts', async () => {
        const original = await idOf(on);
        const copy = await stack.withCopiedControl(on);
        assert.equal(await idOf(on), original);
        assert.notEqual(await idOf(copy), original);
        await change('uno');

        assert.partialDeepStrictEqual(await copy.replicate(view), { changed: '1' });

        await copy.assertEqual(view);
        assert.equal((await labels())[LABEL], await idOf(copy));
        await change('eins');
        await assertHalted(on, copy, on.extract(view));
        await copy.replicate(view);
        await copy.assertEqual(view);
      });

      it('the original takes it back by a resync, and then the copy halts', async () => {
        const copy = await stack.withCopiedControl(on);
        await change('uno');
        await copy.replicate(view);
        await ask(on, { view, resync: true });
        await on.replicate(view);
        await change('eins');

        await assertHalted(copy, on, copy.extract(view));

        await on.replicate(view);
        await on.assertEqual(view);
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
    const reborn = await stack.withNewControl(on);
    await reborn.replicate();
    const payload = { view: MERGED, purgeDeletedBefore: new Date(Date.now()).toISOString() };

    await assert.rejects(ask(on, payload), { kind: 'configuration', message: /belongs to installation/ });
    await assert.rejects(ask(on, { ...payload, confirm: MERGED }), /belongs to installation/);

    assert.equal((await on.target()).length, 2);
  });
});
